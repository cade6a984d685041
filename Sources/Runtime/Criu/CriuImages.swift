import Cgroups
import JSON
import Linux
import OCI
import Sandbox

/// What `checkpoint` and `restore` are told about the images, and about how CRIU is to work (criu(8)).
public struct ImageOptions {
  /// The directory of the images.
  public var imagePath = "checkpoint"
  /// The directory of CRIU's log and other files; `nil`: that of the images.
  public var workPath: String?
  /// Connections are kept; both ends have to come to the same addresses again.
  public var tcpEstablished = false
  /// Connections are dropped.
  public var tcpClose = false
  /// Half-open connections are left out.
  public var tcpSkipInFlight = false
  /// Files without a name get one for as long as it takes.
  public var linkRemap = false
  /// Unix sockets may be connected to others outside.
  public var externalUnixSockets = false
  /// The session and terminal may be the caller's.
  public var shellJob = false
  public var fileLocks = false
  /// Memory that older images have, too, is removed from them.
  public var autoDedup = false
  /// Memory is fetched when it is used, from a page server.
  public var lazyPages = false
  public var cgroupsMode = CriuCgroupsMode.soft
  public var networkLock: CriuNetworkLock?

  public init() {}

  var workDirectory: String { workPath ?? imagePath }

  fileprivate var flags: [UInt64] {
    typealias Flag = CriuOptions.Flag
    // Always: that we are told, that CRIU sees to cgroups, and that terminals go without their other ends.
    var flags = [Flag.notifies, Flag.managesCgroups, Flag.orphanTerminals]
    if tcpEstablished { flags.append(Flag.tcpEstablished) }
    if tcpClose { flags.append(Flag.tcpClose) }
    if tcpSkipInFlight { flags.append(Flag.tcpSkipInFlight) }
    if linkRemap { flags.append(Flag.linkRemap) }
    if externalUnixSockets { flags.append(Flag.externalUnixSockets) }
    if shellJob { flags.append(Flag.shellJob) }
    if fileLocks { flags.append(Flag.fileLocks) }
    if autoDedup { flags.append(Flag.autoDedup) }
    if lazyPages { flags.append(Flag.lazyPages) }
    return flags
  }
}

/// The directories of images and log, open: CRIU finds them by our numbers.
struct ImageDirectories: ~Copyable {
  let images: Directory
  let work: Directory
  /// The log's path.
  let log: String

  /// - Parameter creating: whether missing ones are made; that of the log always is.
  init(_ options: ImageOptions, log: String, creating: Bool) throws(Failure) {
    let images = try ImageDirectories.open(options.imagePath, "--image-path", creating: creating)
    let work = try ImageDirectories.openWork(options)
    self.images = images
    self.work = work
    self.log = options.workDirectory + "/" + log
  }

  static func openWork(_ options: ImageOptions) throws(Failure) -> Directory {
    try ImageDirectories.open(options.workDirectory, "--work-path", creating: true)
  }

  private static func open(_ path: String, _ option: String, creating: Bool) throws(Failure) -> Directory {
    try step(option) { () throws(SystemError) in
      if creating { try makeDirectories(path, mode: 0o700) }
      return try Directory(path: path)
    }
  }

  /// What CRIU is told in any case.
  func options(_ options: ImageOptions, log: String, _ config: Config) -> CriuOptions {
    var criu = CriuOptions(imagesDirectory: images.descriptor.number, workDirectory: work.descriptor.number)
    criu.logFile = log
    criu.flags = options.flags
    criu.cgroupsMode = options.cgroupsMode
    criu.networkLock = options.networkLock
    criu.configFile = config.criuConfigFile
    // As runc does: what is in a network namespace was brought there by others, who bring it again.
    criu.emptyNamespaces = NamespaceFlags.network.rawValue
    return criu
  }
}

/// In the images' directory: what the first three descriptors of the container were, as runc and crun write it, too.
enum SavedStreams {
  private static let file = "descriptors.json"

  static func write(of pid: Int32, in images: borrowing Directory) throws(Failure) {
    var json = JSON.Writer()
    json.array { links in
      for number in 0...2 {
        links.value((try? readLink("/proc/" + String(pid) + "/fd/" + String(number))) ?? "/dev/null")
      }
    }
    try step("--image-path") { () throws(SystemError) in try images.replace(file, with: json.bytes) }
  }

  /// The pipes among them, in whose places our own standard streams come.
  static func pipes(in images: borrowing Directory, _ path: String) throws(Failure) -> [CriuInherited] {
    let bytes = try step(
      "--image-path \"" + path + "\"", hint: { $0 == .noSuchFileOrDirectory ? "is this a checkpoint?" : nil }
    ) { () throws(SystemError) in try images.read(file) }
    let links: [String]
    do throws(JSON.Error) {
      links = try JSON.Document(bytes, file: file).root.strings()
    } catch {
      throw Failure("--image-path \"" + path + "\": " + error.description)
    }
    var pipes: [CriuInherited] = []
    for (number, link) in links.prefix(3).enumerated() where link.hasPrefix("pipe:") {
      // Two streams may be one pipe.
      if !pipes.contains(where: { $0.key == link }) { pipes.append(CriuInherited(key: link, number: Int32(number))) }
    }
    return pipes
  }
}

extension Config {
  /// A file with options of CRIU, which win over ours: the one the annotation names – an empty name is none –, or else the machine's.
  fileprivate var criuConfigFile: String {
    if let file = annotations["org.criu.config"] { return file }
    let own = "/etc/criu/apus.conf"
    return pathExists(own) ? own : "/etc/criu/runc.conf"
  }
}

/// A mount whose content is the host's: the images hold only a name for it.
struct ExternalMount {
  /// In the container.
  let path: String
  /// The same in the images of runc and crun, which can be restored here and the other way round.
  let name: String
  let source: String

  init(_ path: String, name: String? = nil, source: String) {
    self.path = path
    self.name = name ?? path
    self.source = source
  }

  /// In the terms of criu(8), `--external`.
  var dumped: String { "mnt[" + path + "]:" + name }
  var restored: String { "mnt[" + name + "]:" + source }
}

extension SandboxPlan {
  /// All those that the container may have.
  func externalMounts(_ cgroups: CgroupView) -> [ExternalMount] {
    var mounts: [ExternalMount] = []
    for mount in rootfs.mounts {
      switch mount.source {
      case .bind(let path, _): mounts.append(ExternalMount(mount.destination, source: path))
      case .cgroup where !cgroups.inNamespace: mounts += cgroups.externalMounts(below: mount.destination)
      case .cgroup, .fileSystem, .remount: break
      }
    }
    for path in rootfs.maskedPaths { mounts.append(ExternalMount(path, name: "/dev/null", source: "/dev/null")) }
    // Where device files could not be made, the host's are bound.
    for device in rootfs.devices { mounts.append(ExternalMount(device.path, source: device.path)) }
    return mounts
  }

  /// What of the container CRIU would lose without a word, or cannot have at all.
  func checkImages() throws(Failure) {
    if process.landlock != nil { throw Failure("its Landlock rules cannot be restored") }
    if rootfs.mounts.contains(where: { $0.idMap != nil }) { throw Failure("its mounts with idmap cannot be restored") }
    guard namespaces.created.contains(.mount) else {
      throw Failure("it has no mount namespace of its own, as CRIU needs")
    }
    guard namespaces.separates(.pid) else { throw Failure("it has no pid namespace of its own, as CRIU needs") }
    if namespaces.joins(.user) || namespaces.joins(.cgroup) {
      throw Failure("it joins a user or cgroup namespace, which CRIU cannot")
    }
  }
}

extension CgroupView {
  /// Where there is no cgroup namespace, the directories of the container are bound.
  fileprivate func externalMounts(below destination: String) -> [ExternalMount] {
    switch kind {
    case .none: return []
    case .unified(let directory): return [ExternalMount(destination, source: directory)]
    case .hierarchies(let hierarchies):
      return hierarchies.map { ExternalMount(destination + "/" + $0.name, source: $0.directory) }
    }
  }
}

extension NamespacePlan.Joined {
  /// The key of a namespace that CRIU takes as it is: the network's and that of processes.
  var criuKey: String? {
    switch kind {
    case .network: return "extRootNetNS"
    case .pid: return "extRootPidNS"
    default: return nil
    }
  }
}

import Cgroups
import JSON
import Linux
import OCI
import Sandbox

/// What `checkpoint` is told besides the id.
public struct CheckpointOptions {
  public var images = ImageOptions()
  /// The directory of the images made before, relative to that of the new ones: only memory that has changed is written.
  public var parentPath: String?
  /// Whether the container goes on.
  public var leaveRunning = false
  /// Only memory is written, and the container goes on: the checkpoint that follows is quicker.
  public var preDump = false
  /// Gets memory over the network.
  public var pageServer: PageServer?
  /// Gets a zero byte when the page server of `lazyPages` listens; -1: nobody.
  public var statusFD: Int32 = -1

  public struct PageServer {
    public var address: String
    public var port: Int32

    public init(address: String, port: Int32) {
      self.address = address
      self.port = port
    }
  }

  public init() {}

  var goesOn: Bool { leaveRunning || preDump }
}

extension ContainerStore {
  /// Writes all that the container's processes are into files, from which `restore` makes them again. Unless they are to go on,
  /// the container is deleted.
  public func checkpoint(_ id: ContainerID, _ options: CheckpointOptions) throws(Failure) {
    let container = try find(id)
    try container.lock()
    let status = try container.status()
    guard status == .running || status == .paused else {
      throw Failure(
        "container \"" + id.text + "\" is " + status.rawValue + ": container not running", errno: .noSuchProcess)
    }
    try Criu.requireRoot()
    let dump = try Dump(container, options)
    do throws(Failure) {
      try dump.carryOut()
    } catch {
      // A CRIU that was killed has left it as it was at that moment.
      if status == .running { try? container.cgroup().thaw() }
      throw error
    }
    if options.goesOn { return }
    try killAll(container)
    try destroy(container)
  }
}

/// One checkpoint: everything that is known before the first side effect.
private struct Dump: ~Copyable {
  private let options: CheckpointOptions
  private let directories: ImageDirectories
  private let pid: Int32
  private var criu: CriuOptions

  private static let log = "dump.log"

  init(_ container: borrowing Container, _ options: CheckpointOptions) throws(Failure) {
    self.options = options
    pid = container.record.state.pid ?? 0
    let config = try container.config()
    let sandbox = try SandboxPlan(config, bundle: container.record.state.bundle, usesPivotRoot: true)
    do throws(Failure) {
      try sandbox.checkImages()
      if container.record.notifiesListener { throw Failure("its seccomp listener cannot be restored") }
    } catch {
      throw Failure("container \"" + container.id.text + "\": " + error.message)
    }
    try Dump.check(options)
    let directories = try ImageDirectories(options.images, log: Dump.log, creating: true)
    if let parent = options.parentPath { try Dump.check(parent: parent, of: directories.images) }
    var criu = directories.options(options.images, log: Dump.log, config)
    criu.pid = pid
    criu.root = sandbox.rootfs.path
    if options.leaveRunning { criu.flags.append(CriuOptions.Flag.leaveRunning) }
    if options.parentPath != nil || options.preDump { criu.flags.append(CriuOptions.Flag.tracksMemory) }
    criu.parentImages = options.parentPath ?? ""
    criu.pageServer = options.pageServer.map { ($0.address, $0.port) }
    let cgroup = try container.cgroup()
    criu.freezeCgroup = cgroup.freezerDirectory ?? ""
    criu.external = try Dump.external(sandbox, cgroup, container, pid)
    self.criu = criu
    self.directories = directories
  }

  /// What can be seen to fail before anything is made.
  private static func check(_ options: CheckpointOptions) throws(Failure) {
    if options.statusFD >= 0 && !Descriptor.isOpen(options.statusFD) {
      throw Failure("--status-fd: descriptor " + String(options.statusFD) + " is not open")
    }
    if options.images.lazyPages && options.pageServer == nil {
      throw Failure("--lazy-pages: it takes --page-server ADDRESS:PORT, from where the memory is fetched")
    }
    if let parent = options.parentPath, parent.hasPrefix("/") {
      throw Failure("--parent-path \"" + parent + "\": it has to be relative, to the directory of the new images")
    }
  }

  private static func check(parent: String, of images: borrowing Directory) throws(Failure) {
    try step("--parent-path") { () throws(SystemError) in _ = try images.open(parent, [.path, .directory]) }
  }

  /// What is not in the images, but has to be there when they are restored.
  private static func external(
    _ sandbox: SandboxPlan, _ cgroup: Cgroup, _ container: borrowing Container, _ pid: Int32
  ) throws(Failure) -> [String] {
    var external: [String] = []
    for namespace in sandbox.namespaces.joined {
      guard let key = namespace.criuKey else { continue }
      let file = "/proc/" + String(pid) + "/ns/" + namespace.kind.fileName
      let status = try step("namespaces") { () throws(SystemError) in try fileStatus(file) }
      external.append(namespace.kind.fileName + "[" + String(status.inode) + "]:" + key)
    }
    let root = try step("container process") { () throws(SystemError) in
      Root(try openFile("/proc/" + String(pid) + "/root", [.path, .directory]))
    }
    let view = try CgroupView(of: cgroup, planned: cgroup, sandbox)
    for mount in sandbox.externalMounts(view) + NotifyProxy.externalMounts(container) {
      if let path = placeOfMount(mount, in: root) {
        external.append(ExternalMount(path, name: mount.name, source: mount.source).dumped)
      }
    }
    return external
  }

  /// Where the mount really is: links lead elsewhere; `nil`: nowhere, or it is a masked directory, whose mount is the container's own.
  private static func placeOfMount(_ mount: ExternalMount, in root: borrowing Root) -> String? {
    guard let file = try? root.open(mount.path) else { return nil }
    if mount.name != mount.path, (try? file.status().isDirectory) ?? true { return nil }
    return try? readLink("/proc/self/fd/" + String(file.number))
  }

  // MARK: carrying out

  func carryOut() throws(Failure) {
    if !options.preDump { try SavedStreams.write(of: pid, in: directories.images) }
    let null = try step("criu") { () throws(SystemError) in try openFile("/dev/null", .readWrite) }
    let tracks = options.preDump || options.parentPath != nil
    try Criu.with(streams: [null.number, null.number, null.number]) { (process) throws(Failure) in
      try process.require(memoryTracking: tracks, lazyPages: options.images.lazyPages)
      do throws(Failure) {
        _ = try process.carryOut(options.preDump ? .preDump : .dump, criu) { (notification) throws(Failure) in
          if notification.script == "status-ready" { try reportReady() }
        }
      } catch {
        throw Criu.explained(error, log: directories.log)
      }
    }
  }

  /// The page server listens: `criu lazy-pages` may connect.
  private func reportReady() throws(Failure) {
    if options.statusFD < 0 { return }
    try step("--status-fd") { () throws(SystemError) in
      // It is closed, too: whoever waits for an end of file need not wait for the last page.
      try Descriptor(taking: options.statusFD).write([0])
    }
  }
}

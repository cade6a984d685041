import Linux
import OCI

extension SandboxPlan {
  /// Compiles the parts of config.json that the container's first process carries out.
  ///
  /// - Parameters:
  ///   - bundle: absolute path; relative paths of the document start there.
  ///   - usesPivotRoot: off with `--no-pivot`.
  public init(_ config: Config, bundle: String, usesPivotRoot: Bool) throws(Failure) {
    guard let root = config.root else { throw Failure("config.json: root: missing") }
    let linux = config.linux ?? Config.Linux()
    namespaces = try NamespacePlan(linux)
    hostname = config.hostname
    domainname = config.domainname
    for (key, value) in linux.sysctl.map({ ($0.key, $0.value) }) {
      sysctl.append((Config.Linux.sysctlPath(key), value))
    }
    rootfs = RootfsPlan(path: absolute(root.path, in: bundle))
    rootfs.readOnly = root.readonly
    if !usesPivotRoot { rootfs.entry = .moveRoot }
    if !namespaces.created.contains(.mount) {
      rootfs.entry = namespaces.joins(.mount) || !config.changesMounts ? .changeRoot : .detachedTree
    }
    if rootfs.entry == .changeRoot && (root.readonly || linux.rootfsPropagation != nil) {
      throw Failure(
        "config.json: root.readonly and linux.rootfsPropagation: the root of a mount namespace that is joined stays as it is"
      )
    }
    for kind in [NamespaceFlags.pid, .ipc] where !namespaces.separates(kind) { rootfs.sharedNamespaces.insert(kind) }
    rootfs.propagation = linux.rootfsPropagation?.propagation
    rootfs.sharesBinds = linux.rootfsPropagation?.sharesBinds ?? false
    rootfs.mountLabel = linux.mountLabel
    if let kind = config.annotations["run.oci.mount_context_type"] { rootfs.mountLabelKind = kind }
    for (index, mount) in config.mounts.enumerated() {
      rootfs.mounts.append(try MountPlan(mount, index: index, bundle: bundle))
    }
    rootfs.populatesDev = !rootfs.mounts.contains { mount in
      if case .bind = mount.source { return splitPath(mount.destination) == ("/", "dev") }
      return false
    }
    // Nor when the root is the one there is.
    if !namespaces.created.contains(.mount) && splitPath(rootfs.path) == ("/", ".") { rootfs.populatesDev = false }
    rootfs.devices = rootfs.populatesDev ? try SandboxPlan.devices(linux.devices) : []
    rootfs.maskedPaths = linux.maskedPaths
    rootfs.readOnlyPaths = linux.readonlyPaths
    process = try config.process.map { (process) throws(Failure) in try ProcessPlan(process, in: config) } ?? .none
  }

  private static func devices(_ additional: [Config.Device]) throws(Failure) -> [DevicePlan] {
    // config-linux.md, "Default Devices".
    let numbers: [(String, UInt32, UInt32)] = [
      ("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9), ("tty", 5, 0),
    ]
    var plans = numbers.map { name, major, minor in
      DevicePlan(path: "/dev/" + name, mode: FileStatus.characterDevice | 0o666, major: major, minor: minor)
    }
    for (index, device) in additional.enumerated() {
      let plan = try DevicePlan(device, index: index)
      plans.removeAll { $0.path == plan.path }
      // The container's own stands there (config-linux.md, "Default Devices").
      if plan.path != "/dev/ptmx" { plans.append(plan) }
    }
    return plans
  }
}

extension SandboxPlan {
  /// Fails where mounts are asked for that the caller's mount namespace does not allow.
  public func checkMountNamespace() throws(Failure) {
    guard rootfs.entry == .detachedTree else { return }
    if namespaces.separates(.user) {
      throw Failure("config.json: mounts: a container with a user namespace needs a mount namespace for them")
    }
    for mount in rootfs.mounts where mount.propagation.contains(where: { $0.propagation == .unbindable }) {
      throw Failure(
        "config.json: mounts[" + String(mount.index) + "]: what cannot be bound again needs a mount namespace to be in")
    }
  }
}

extension Config {
  /// Whether anything is to be mounted, or to be changed about what is.
  fileprivate var changesMounts: Bool {
    if !mounts.isEmpty || root?.readonly == true { return true }
    guard let linux else { return false }
    return linux.rootfsPropagation != nil || !linux.maskedPaths.isEmpty || !linux.readonlyPaths.isEmpty
  }
}

/// A path of the document, made absolute.
public func absolute(_ path: String, in directory: String) -> String {
  path.hasPrefix("/") ? path : directory + "/" + path
}

extension DevicePlan {
  public init(_ device: Config.Device, index: Int) throws(Failure) {
    let kind: UInt32
    switch device.type {
    case .block: kind = FileStatus.blockDevice
    case .character, .unbuffered: kind = FileStatus.characterDevice
    case .fifo: kind = FileStatus.fifo
    }
    path = device.path
    mode = kind | (device.fileMode ?? 0o666) & 0o7777
    let place = "config.json: linux.devices[" + String(index) + "]"
    major = try DevicePlan.number(device.major, device.type == .fifo, place + ".major")
    minor = try DevicePlan.number(device.minor, device.type == .fifo, place + ".minor")
    uid = device.uid ?? 0
    gid = device.gid ?? 0
  }

  private static func number(_ value: Int64?, _ isFIFO: Bool, _ place: String) throws(Failure) -> UInt32 {
    if isFIFO { return 0 }
    guard let value else { throw Failure(place + ": missing") }
    guard let number = UInt32(exactly: value) else {
      throw Failure(place + ": " + String(value) + " is no device number")
    }
    return number
  }
}

extension NamespacePlan {
  public init(_ linux: Config.Linux) throws(Failure) {
    for namespace in linux.namespaces {
      if let path = namespace.path, !path.isEmpty {
        joined.append(Joined(kind: namespace.type.flag, path: path))
      } else {
        created.insert(namespace.type.flag)
      }
    }
    userMappings = linux.uidMappings.map { IDMapping($0) }
    groupMappings = linux.gidMappings.map { IDMapping($0) }
    for (name, offset) in [("monotonic", linux.timeOffsets?.monotonic), ("boottime", linux.timeOffsets?.boottime)] {
      guard let offset else { continue }
      timeOffsets.append(name + " " + String(offset.secs) + " " + String(offset.nanosecs) + "\n")
    }
  }
}

extension Config.NamespaceType {
  /// The flag of clone(2) for this kind.
  public var flag: NamespaceFlags {
    switch self {
    case .mount: return .mount
    case .pid: return .pid
    case .network: return .network
    case .uts: return .uts
    case .ipc: return .ipc
    case .user: return .user
    case .cgroup: return .cgroup
    case .time: return .time
    }
  }
}

extension Config.RootfsPropagation {
  var propagation: Propagation {
    switch self {
    case .private, .rprivate: return .private
    case .shared, .rshared: return .shared
    case .slave, .rslave: return .slave
    case .unbindable, .runbindable: return .unbindable
    }
  }

  /// Without an `r` it is about the root alone, as with runc and crun.
  fileprivate var sharesBinds: Bool {
    switch self {
    case .shared, .rshared, .private, .slave, .unbindable: return true
    case .rprivate, .rslave, .runbindable: return false
    }
  }
}

extension MountPlan {
  /// - Parameter file: whose `mounts` it is among, for messages.
  public init(_ mount: Config.Mount, index: Int, bundle: String, file: String = "config.json") throws(Failure) {
    self.index = index
    destination = mount.destination
    source = .remount
    var isBind = mount.type == "bind" || mount.type == "rbind"
    var isRecursive = mount.type == "rbind"
    var isRemount = false
    let place = file + ": mounts[" + String(index) + "]"
    for word in mount.options {
      switch MountOption(word) {
      case .attributes(let set, let clear, let recursive):
        add(set, clear, recursive: recursive)
      case .fileSystemFlag(let flag):
        data.append(Data(key: flag, value: nil, isOptional: true))
      case .propagation(let propagation, let recursive):
        self.propagation.append(PropagationChange(propagation: propagation, recursive: recursive))
      case .bind(let recursive):
        isBind = true
        isRecursive = isRecursive || recursive
      case .remount: isRemount = true
      case .copyUp: copiesUp = true
      case .idMap(let recursive): idMap = IDMapPlan(recursive: recursive)
      case .links(let links): self.links.formUnion(links)
      case .nothing: break
      case nil:
        do throws(Failure) {
          if let map = try IDMapPlan(word) { idMap = map } else { data.append(Data(word)) }
        } catch {
          throw Failure(place + ".options: \"" + word + "\": " + error.message)
        }
      }
    }
    if !mount.uidMappings.isEmpty || !mount.gidMappings.isEmpty {
      idMap = IDMapPlan(
        recursive: idMap?.recursive ?? false, users: mount.uidMappings.map { IDMapPlan.Line(mapping: IDMapping($0)) },
        groups: mount.gidMappings.map { IDMapPlan.Line(mapping: IDMapping($0)) })
    }
    if idMap != nil {
      if isRemount || !isBind && mount.type == "cgroup" {
        throw Failure(place + ": only a bind or a new file system can be mapped to other ids")
      }
      if !isBind && exceedsContext { throw Failure(place + ": with idmap, an option may have 255 bytes at most") }
    }
    if isBind {
      // As mount(2) has it, for a new bind and for a change of one.
      ignored = data.filter { !$0.isOptional }.map { $0.key }
      data.removeAll { !$0.isOptional }
    }
    if isRemount { return }
    if isBind {
      guard let path = mount.source, !path.isEmpty else {
        throw Failure(place + ".source: missing, and needed to bind")
      }
      source = .bind(path: absolute(path, in: bundle), recursive: isRecursive)
      // The cgroups below it may be writable for the user who makes the container (CVE-2023-25809).
      if path == "/sys" && isRecursive && set.contains(.readOnly) { recursiveSet.insert(.readOnly) }
      return
    }
    guard let type = mount.type, !type.isEmpty else {
      throw Failure(place + ".type: missing; give a type, or `bind` among the options")
    }
    source = type == "cgroup" ? .cgroup : .fileSystem(type: type, source: mount.source)
  }

  /// Later words win over earlier ones.
  private mutating func add(_ set: MountAttributes, _ clear: MountAttributes, recursive: Bool) {
    if recursive {
      recursiveSet = recursiveSet.subtracting(clear).union(set)
      recursiveClear = recursiveClear.subtracting(set.subtracting(.accessTime)).union(clear)
    } else {
      self.set = self.set.subtracting(clear).union(set)
      self.clear = self.clear.subtracting(set.subtracting(.accessTime)).union(clear)
    }
  }
}

extension MountPlan.Data {
  /// `size=64m` or `newinstance`.
  init(_ word: String) {
    let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    key = String(parts[0])
    value = parts.count == 2 ? String(parts[1]) : nil
    isOptional = false
  }
}

import Cgroups
import Linux
import OCI
import Sandbox

/// What `restore` is told besides the id.
public struct RestoreOptions {
  public var creation = CreateOptions()
  public var images = ImageOptions()
  /// Replaces the security label that processes had, such as `apparmor:NAME`.
  public var lsmProfile = ""
  /// Replaces the SELinux label that mounts had.
  public var lsmMountContext = ""

  public init() {}
}

extension ContainerStore {
  /// Makes a container whose processes go on where `checkpoint` found them; attached, stays until it ends and removes it.
  ///
  /// - Parameters: those of ``run(_:_:detach:keep:noSubreaper:)``.
  /// - Returns: attached, the exit status of the process, 128 + N when signal N ended it; detached, 0.
  public func restore(_ id: ContainerID, _ options: RestoreOptions, detach: Bool, keep: Bool, noSubreaper: Bool)
    throws(Failure) -> Int32
  {
    let restoration = try Restoration(id, options, in: self, isAttached: !detach)
    if detach {
      _ = try restoration.carryOut(in: self) { (_) throws(Failure) in }
      return 0
    }
    return try attend(id, "restore", keep: keep, noSubreaper: noSubreaper) { (signals) throws(Failure) in
      try restoration.carryOut(in: self) { (restored) throws(Failure) in
        try Attendant(pid: restored.pid).attend(restored.terminal.master, signals)
      }
    }
  }
}

/// A container whose processes run again.
private struct Restored: ~Copyable {
  let pid: Int32
  let terminal: TerminalChannel
}

/// One container being restored: everything that is known before the first side effect.
private struct Restoration: ~Copyable {
  private let creation: Creation
  private let options: RestoreOptions
  private let directories: ImageDirectories
  private let pipes: [CriuInherited]

  private static let log = "restore.log"
  /// Where CRIU finds the root file system, in the container's directory and in its own mount namespace.
  private static let root = "root"

  init(_ id: ContainerID, _ options: RestoreOptions, in store: ContainerStore, isAttached: Bool) throws(Failure) {
    try Criu.requireRoot()
    if options.creation.preserveFDs > 0 {
      throw Failure("--preserve-fds: what restored processes have open is in the images")
    }
    let creation = try Creation(id, options.creation, in: store, isAttached: isAttached)
    try creation.sandbox.checkImages()
    if SeccompListener.path(in: creation.config) != nil { throw Failure("its seccomp listener cannot be restored") }
    let directories = try ImageDirectories(options.images, log: Restoration.log, creating: false)
    let pipes = try SavedStreams.pipes(in: directories.images, options.images.imagePath)
    self.creation = creation
    self.options = options
    self.directories = directories
    self.pipes = pipes
  }

  /// - Parameter finish: what the command still does; when it fails, nothing of the container is left.
  func carryOut<R>(in store: ContainerStore, _ finish: (borrowing Restored) throws(Failure) -> R) throws(Failure) -> R {
    try creation.make(in: store) { (container, terminal, running) throws(Failure) in
      var container = container
      var terminal = terminal
      try restore(&container, terminal, &running, in: store)
      try step("rootfs") { () throws(SystemError) in try container.directory.removeDirectory(Restoration.root) }
      try creation.tell(running.pid)
      terminal.closeSender()
      if creation.sandbox.process.terminal { try terminal.receiveMaster() }
      if let hooks = try store.poststartHooks(container), let failure = store.runPoststart(hooks, container) {
        throw failure
      }
      container.unlock()
      return try finish(Restored(pid: running.pid, terminal: terminal))
    }
  }

  private func restore(
    _ container: inout Container, _ terminal: borrowing TerminalChannel, _ running: inout RunningInit,
    in store: ContainerStore
  ) throws(Failure) {
    let attachment = try creation.makeCgroup(&running, store.options)
    try creation.sandbox.makeMountpoints()
    let root = store.options.root + "/" + container.id.text + "/" + Restoration.root
    try step("rootfs") { () throws(SystemError) in
      try container.directory.makeDirectory(Restoration.root, mode: 0o700)
    }
    var criu = directories.options(options.images, log: Restoration.log, creation.config)
    criu.root = root
    criu.flags += [CriuOptions.Flag.evasiveDevices, CriuOptions.Flag.restoresAsSibling]
    criu.lsmProfile = options.lsmProfile
    criu.lsmMountContext = options.lsmMountContext
    criu.external = try external(container, running.cgroup, store)
    let namespaces = try JoinedNamespaces(creation.sandbox.namespaces)
    criu.inherited = pipes + namespaces.inherited
    criu.joined = namespaces.others
    defer { withExtendedLifetime(namespaces) {} }
    // CRIU mounts things in the directory that it works in, which has to be one of its own mount namespace.
    let pair = try step("socket") { () throws(SystemError) in try Socket.pairNumbers() }
    let receiver = Descriptor(taking: pair.first)
    let sender = Socket(Descriptor(taking: pair.second))
    try Criu.with(
      streams: [0, 1, 2], inherited: namespaces.files, into: .mount, cgroup: attachment.unified,
      prepare: { () throws(Failure) in
        try enclose(attachment.tasks, root)
        let work = try ImageDirectories.openWork(options.images)
        try step("--work-path") { () throws(SystemError) in try sender.send([0], descriptor: work.descriptor.number) }
      }
    ) { (process) throws(Failure) in
      let work = try step("--work-path") { () throws(SystemError) in try receiveDescriptor(from: receiver.number) }
      guard let work else { throw RunningInit.confused }
      criu.workDirectory = work.number
      try process.require(memoryTracking: false, lazyPages: options.images.lazyPages)
      try enter(process.pid, &running)
      criu.cgroupRoots = try CgroupPosition.all(of: process.pid).map { CriuPair(key: $0.controller, value: $0.path) }
      do throws(Failure) {
        _ = try process.carryOut(.restore, criu) { (notification) throws(Failure) in
          try hear(notification, &container, terminal, &running)
        }
      } catch {
        throw Criu.explained(error, log: directories.log)
      }
    }
    if running.pid == 0 { throw Failure("criu: it did not tell which process it has restored") }
  }

  /// The mounts whose content is the host's.
  private func external(_ container: borrowing Container, _ cgroup: Cgroup, _ store: ContainerStore) throws(Failure)
    -> [String]
  {
    let view = try CgroupView(of: cgroup, planned: creation.cgroup, creation.sandbox)
    let notify = try NotifyProxy.restoredMount(container, root: store.options.root)
    var external: [String] = []
    for mount in creation.sandbox.externalMounts(view) + [notify] where !external.contains(mount.restored) {
      external.append(mount.restored)
    }
    return external
  }

  /// In CRIU's process: what restored processes get from it, and the root file system as a mount, which nobody else sees.
  private func enclose(_ cgroupTasks: [Int32], _ root: String) throws(Failure) {
    try step("cgroup: attach") { () throws(SystemError) in
      for number in cgroupTasks {
        try withBorrowed(number) { (file) throws(SystemError) in try file.write("0") }
      }
    }
    let sandbox = creation.sandbox
    if sandbox.process.joinsNewKeyring { try sandbox.process.joinKeyring(creation.id.text) }
    try step("rootfs") { () throws(SystemError) in
      try MountNamespace.setPropagation(
        sandbox.rootfs.propagation == .private ? .private : .slave, of: "/", recursive: true)
      let mount = try DetachedMount(cloning: sandbox.rootfs.path, recursive: true)
      // CRIU leaves the root as it finds it.
      if sandbox.rootfs.readOnly { try mount.set(.readOnly) }
      try mount.attach(to: try openFile(root, [.path, .directory]))
    }
  }

  /// Puts CRIU where what it restores is to be, as far as it did not go there itself.
  private func enter(_ pid: Int32, _ running: inout RunningInit) throws(Failure) {
    if let scope = try creation.requestScope(pid, running.cgroup) {
      try scope.finish()
      try running.cgroup.adopt(pid)
      try running.cgroup.apply(creation.deviceRules)
    }
    try running.resourceControl?.enter(pid)
  }

  /// Does our part at the points that CRIU tells of.
  private func hear(
    _ notification: consuming Criu.Notification, _ container: inout Container, _ terminal: borrowing TerminalChannel,
    _ running: inout RunningInit
  ) throws(Failure) {
    let pid = notification.pid
    switch notification.script {
    case "setup-namespaces": try setUpNamespaces(pid, &running)
    case "orphan-pts-master":
      guard let master = notification.takeDescriptor() else { throw Failure("criu: it sent no terminal") }
      try terminal.forward(master)
    case "post-restore":
      // All is there, and nothing runs yet. What limits it now would have limited CRIU before.
      guard let status = try? ProcessStatus.of(pid), status.parent == CurrentProcess.pid else {
        throw Failure("criu: it has restored process " + String(pid) + ", which is no child of ours")
      }
      running.started = .container(pid: pid)
      try creation.limit(running.cgroup)
      try creation.delegateCgroup(running.cgroup, pid)
      try creation.writeRecord(&container, pid, in: running.cgroup)
    default: break
    }
  }

  /// The namespaces are made, and the network's is empty.
  private func setUpNamespaces(_ pid: Int32, _ running: inout RunningInit) throws(Failure) {
    let namespaces = creation.sandbox.namespaces
    let network = namespaces.path(of: .network, in: pid)
    if namespaces.created.contains(.network) {
      try inChild([]) { () throws(Failure) in
        try step("network") { () throws(SystemError) in
          try NamespaceFlags.network.join(openFile(network))
          try ProcessAttributes.bringInterfaceUp("lo")
        }
      }
    }
    if let devices = creation.config.linux?.netDevices, !devices.isEmpty { try running.move(devices, to: network) }
    running.hasReachedHooks = true
    try creation.hooks.run(.prestart, pid: pid)
    try creation.hooks.run(.createRuntime, pid: pid)
  }
}

/// The namespaces that the container shares with others, for CRIU.
private final class JoinedNamespaces {
  /// Open, for CRIU to have as 4, 5 and so on.
  private(set) var files: [Int32] = []
  private(set) var inherited: [CriuInherited] = []
  /// Those that CRIU opens itself.
  private(set) var others: [CriuPair] = []

  init(_ namespaces: NamespacePlan) throws(Failure) {
    for namespace in namespaces.joined {
      guard let key = namespace.criuKey else {
        others.append(CriuPair(key: namespace.kind.fileName, value: namespace.path))
        continue
      }
      inherited.append(CriuInherited(key: key, number: 4 + Int32(files.count)))
      files.append(
        try step("namespace \"" + namespace.path + "\"") { () throws(SystemError) in
          try openFile(namespace.path).release()
        })
    }
  }

  deinit {
    for number in files { _ = Descriptor(taking: number) }
  }
}

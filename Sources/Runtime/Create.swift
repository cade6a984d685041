import Cgroups
import JSON
import Linux
import OCI
import Sandbox
import Seccomp

/// What `create` and `run` are told besides the id.
public struct CreateOptions {
  /// The bundle's directory; a relative path starts at the current one.
  public var bundle = "."
  /// The configuration, relative to the bundle.
  public var configFile: String?
  /// Gets the pid of the container process.
  public var pidFile: String?
  /// A listening unix socket that gets the master of the terminal.
  public var consoleSocket: String?
  /// A listening unix socket that gets a pidfd of the container process.
  public var pidfdSocket: String?
  /// Moves the root into place instead of pivoting, for root file systems on an initramfs.
  public var noPivot = false
  public var noNewKeyring = false
  /// How many descriptors from 3 on the program keeps.
  public var preserveFDs: Int32 = 0

  public init() {}
}

extension ContainerStore {
  /// Makes a container whose process waits to be started (runtime.md, "Create").
  public func create(_ id: ContainerID, _ options: CreateOptions) throws(Failure) {
    let creation = try Creation(id, options, in: self, isAttached: false)
    _ = try creation.carryOut(in: self) { (created) throws(Failure) in
      try step("created") { () throws(SystemError) in try created.socket.send(.detach) }
    }
  }
}

/// A container process that has reported itself ready.
struct Created: ~Copyable {
  let container: Container
  let pid: Int32
  let socket: Socket
  let terminal: TerminalChannel
}

/// The configuration's text, until it is saved: where it is large, the process that is made next need not have it in its memory.
private final class ConfigText {
  private var bytes: [UInt8]

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  func take() -> [UInt8] {
    defer { bytes = [] }
    return bytes
  }
}

/// One container being created: everything that is known before the first side effect.
struct Creation {
  let id: ContainerID
  let options: CreateOptions
  /// The configuration's name, as it was given.
  let configFile: String
  let config: Config
  private let text: ConfigText
  let bundle: String
  var sandbox: SandboxPlan
  var cgroup: Cgroup
  let resourceControl: ResourceControl?
  let isAttached: Bool
  let hooks: ContainerHooks
  private var record: ContainerRecord

  /// - Parameter opensFiles: off for a plan that is only looked at.
  init(
    _ id: ContainerID, _ options: CreateOptions, in store: ContainerStore, isAttached: Bool, opensFiles: Bool = true
  ) throws(Failure) {
    if opensFiles { try store.requireSeal() }
    self.id = id
    self.options = options
    self.isAttached = isAttached
    bundle = try step("bundle") { () throws(SystemError) in try resolvedPath(options.bundle) }
    configFile = options.configFile ?? "config.json"
    let bytes: [UInt8]
    (config, bytes) = try Creation.load(absolute(configFile, in: bundle), name: configFile, store.options)
    text = ConfigText(bytes)
    sandbox = try SandboxPlan(config, bundle: bundle, usesPivotRoot: !options.noPivot)
    sandbox.addUserNamespace(warn: store.options.warn)
    for mount in sandbox.rootfs.mounts where !mount.ignored.isEmpty {
      store.options.remark(
        configFile + ": mounts[" + String(mount.index) + "].options: \"" + mount.ignored.joined(separator: "\", \"")
          + "\" changes nothing: a bind has no file system of its own")
    }
    try Creation.warnOfCapabilities(sandbox, configFile, store.options.warn)
    sandbox.process.joinsNewKeyring = !options.noNewKeyring
    try sandbox.process.setPreserved(options.preserveFDs)
    try Creation.check(sandbox, options, isAttached: isAttached)
    try sandbox.checkSecurityModules()
    cgroup = try store.cgroup(for: id, config)
    resourceControl = try config.linux?.intelRdt.map { (settings) throws(Failure) in
      try ResourceControl(settings, id: id.text, root: ResourceControl.mountPoint())
    }
    var state = State(ociVersion: specificationVersion, id: id.text, pid: 0, status: .creating, bundle: bundle)
    state.rootfs = sandbox.rootfs.path
    state.created = Clock.timestamp()
    state.owner = userName(CurrentProcess.effectiveUID)
    record = ContainerRecord(state)
    record.hasAnnotations = !config.annotations.isEmpty
    state.annotations = config.annotations
    record.place(in: cgroup)
    record.socketLabel = sandbox.process.selinuxLabel
    record.notifiesListener = SeccompListener.path(in: config) != nil
    record.resourceControl = resourceControl?.saved ?? []
    record.hasProcess = config.process != nil
    record.hasKeyring = !options.noNewKeyring
    record.hasPoststartHooks = !(config.hooks?.poststart.isEmpty ?? true)
    record.hasPoststopHooks = !(config.hooks?.poststop.isEmpty ?? true)
    var hooks = ContainerHooks(config.hooks ?? Config.Hooks(), state: state)
    if opensFiles { try hooks.openOutput() }
    self.hooks = hooks
  }

  /// Reads and checks the configuration: every problem is in the message.
  static func load(_ path: String, name: String, _ options: RuntimeOptions) throws(Failure) -> (Config, [UInt8]) {
    let bytes = try step("bundle", hint: { $0 == .noSuchFileOrDirectory ? "is this a bundle?" : nil }) {
      () throws(SystemError) in try readFile(path, estimate: 32768)
    }
    let config: Config
    do {
      config = try Config(json: bytes, file: name)
    } catch {
      throw Failure(error.description)
    }
    var errors: [String] = []
    for problem in config.validate() {
      if problem.severity == .error {
        errors.append(problem.description)
      } else {
        options.tell(problem, in: name + ": ")
      }
    }
    if !errors.isEmpty { throw Failure(name + ": " + errors.joined(separator: "; ")) }
    return (config, bytes)
  }

  /// What can be seen to fail before anything is made.
  private static func check(_ plan: SandboxPlan, _ options: CreateOptions, isAttached: Bool) throws(Failure) {
    let path = plan.rootfs.path
    // In another mount namespace there may be other files.
    if !plan.namespaces.joins(.mount) {
      let status = try step("root.path") { () throws(SystemError) in try fileStatus(path) }
      guard status.isDirectory else { throw Failure("root.path \"" + path + "\": not a directory") }
    }
    try plan.checkMountNamespace()
    try plan.process.checkTerminal(consoleSocket: options.consoleSocket, isAttached: isAttached)
  }

  /// config.md, "Linux Process": a capability that cannot be granted is worth a warning and no error. A user namespace has
  /// all of its own.
  private static func warnOfCapabilities(_ plan: SandboxPlan, _ file: String, _ warn: (String) -> Void) throws(Failure)
  {
    let asked = plan.process.capabilities.all
    if asked.isEmpty || plan.namespaces.separates(.user) { return }
    let missing = asked.subtracting(
      try step("capabilities") { () throws(SystemError) in try Credentials.capabilities().permitted })
    if missing.isEmpty { return }
    warn(
      file + ": process.capabilities: " + missing.memberNames.joined(separator: ", ")
        + " cannot be granted: the runtime does not have it")
  }

  // MARK: carrying out

  /// Makes the container up to the point at which its process waits; hands it over once it is written down.
  ///
  /// Whatever fails, `finish` included, nothing of the container is left.
  func carryOut<R>(in store: ContainerStore, _ finish: (borrowing Created) throws(Failure) -> R) throws(Failure) -> R {
    try make(in: store) { (container, terminal, running) throws(Failure) in
      var sandbox = sandbox
      if NotifyProxy.isWanted(for: sandbox) {
        try NotifyProxy.add(to: &sandbox, container, root: store.options.root)
      }
      let created = try start(container, sandbox, terminal, &running, in: store)
      return try finish(created)
    }
  }

  /// Gives the container its directory, and has the rest of it made; whatever fails, nothing is left.
  func make<R>(
    in store: ContainerStore,
    _ rest: (consuming Container, consuming TerminalChannel, inout RunningInit) throws(Failure) -> R
  ) throws(Failure) -> R {
    let terminal = try TerminalChannel(for: sandbox.process, consoleSocket: options.consoleSocket)
    let container = try store.make(id, record, config: text.take())
    var running = RunningInit(cgroup: cgroup)
    do throws(Failure) {
      return try rest(container, terminal, &running)
    } catch {
      running.abandon()
      try? store.removeDirectory(id)
      // runtime.md, "Lifecycle" 3–5, 7, 9, 13: what began with hooks ends with those behind the destruction.
      if running.hasReachedHooks { store.runPoststop(hooks) }
      throw error
    }
  }

  private func start(
    _ container: consuming Container, _ sandbox: SandboxPlan, _ terminal: consuming TerminalChannel,
    _ running: inout RunningInit, in store: ContainerStore
  ) throws(Failure) -> Created {
    let attachment = try makeCgroup(&running, store.options)
    let gate = isAttached ? -1 : try openGate(container)
    defer { if gate >= 0 { _ = Descriptor(taking: gate) } }
    let pair = try step("socket") { () throws(SystemError) in try Socket.pairNumbers() }
    let socket = Socket(Descriptor(taking: pair.first))
    var sandbox = sandbox
    let prepared = PreparedMounts()
    try prepared.make(for: &sandbox)
    let channels = InitChannels(
      parent: pair.second, gate: gate, console: terminal.sender, cgroupTasks: attachment.tasks,
      cgroupDirectory: attachment.unified)
    let plan = InitPlan(
      id: id.text, sandbox: sandbox, cgroups: try CgroupView(of: running.cgroup, planned: cgroup, sandbox),
      hooks: hooks,
      announcesEnvironment:
        !(hooks[.prestart].isEmpty && hooks[.createRuntime].isEmpty && hooks[.createContainer].isEmpty),
      awaitsCgroup: cgroup.scope != nil)
    let started = try step("clone", hint: { $0 == .notSupported ? running.cgroup.unified?.complaintOfThreads : nil }) {
      () throws(SystemError) in
      defer { _ = Descriptor(taking: pair.second) }
      return try withExtendedLifetime(prepared) { () throws(SystemError) in try startInit(plan, channels) }
    }
    running.started = started
    terminal.closeSender()
    let pid = try accompany(socket, &running, plan, store)
    return try writeDown(container, pid, in: running.cgroup, socket, terminal)
  }

  /// Makes the cgroup, and what else is there before the process is.
  func makeCgroup(_ running: inout RunningInit, _ options: RuntimeOptions) throws(Failure) -> CgroupAttachment {
    try running.createCgroup(for: config.linux?.resources, options)
    // Before the process is in it: cgroup v1 denies everything for a moment, and the process makes device files.
    do throws(Failure) {
      if cgroup.scope == nil {
        try running.cgroup.apply(deviceRules, programs: LoadedDevicePrograms(directory: options.cache))
      }
    } catch {
      // An ordinary user's container has only devices that the user has.
      if !options.isRootless { throw error }
    }
    try running.create(resourceControl, config.linux?.intelRdt)
    return try running.cgroup.attachment(beforeScope: true)
  }

  /// Hands over to the container what it may have of its cgroup: a cgroup below, by annotation; and the ownership, where it
  /// sees the cgroup as the root of its own hierarchy and may write there (config-linux.md, "Cgroup ownership").
  ///
  /// To be done when the container has its cgroup namespace, whose root is where it was then.
  func delegateCgroup(_ cgroup: Cgroup, _ pid: Int32) throws(Failure) {
    let name = config.annotations["run.oci.delegate-cgroup"] ?? ""
    if !name.isEmpty { try cgroup.delegate(name, to: pid) }
    let isWritable = config.mounts.contains { $0.type == "cgroup" && !$0.options.contains("ro") }
    if isWritable && sandbox.namespaces.created.contains(.cgroup),
      let user = sandbox.namespaces.hostUser(of: config.process?.user.uid ?? 0), user != CurrentProcess.effectiveUID
    {
      try cgroup.giveOwnership(to: user, delegated: name)
    }
  }

  private func openGate(_ container: borrowing Container) throws(Failure) -> Int32 {
    try step("start gate") { () throws(SystemError) in
      try Socket.listen(Container.gate, in: container.directory).release()
    }
  }

  /// Does the parent's part while the container process encloses itself, until it reports that it is ready.
  private func accompany(
    _ socket: borrowing Socket, _ running: inout RunningInit, _ plan: InitPlan, _ store: ContainerStore
  ) throws(Failure) -> Int32 {
    if case .intermediate = running.started { try running.awaitPID(socket) }
    let pid = running.pid
    let scope = try requestScope(pid, running.cgroup)
    if sandbox.namespaces.created.contains(.user) {
      guard try running.message(socket) == .needsIDMaps else { throw RunningInit.confused }
      try writeIDMaps(sandbox.namespaces, of: pid)
      try step("user namespace") { () throws(SystemError) in try socket.send(.idMapsWritten) }
    }
    if let devices = config.linux?.netDevices, !devices.isEmpty {
      try running.move(devices, to: sandbox.namespaces.path(of: .network, in: pid))
    }
    let filter = try store.compileFilter(config)
    try join(scope, pid, socket, &running)
    try limit(running.cgroup)
    try running.resourceControl?.enter(pid)
    if plan.awaitsCgroup { try running.tell(.cgroupReady, socket) }
    if plan.announcesEnvironment {
      guard try running.message(socket) == .environmentReady else { throw RunningInit.confused }
      running.hasReachedHooks = true
      try hooks.run(.prestart, pid: pid)
      try hooks.run(.createRuntime, pid: pid)
    }
    try running.tell(.proceed(filter), socket)
    guard try running.message(socket) == .created else { throw RunningInit.confused }
    running.hasReachedHooks = true
    try delegateCgroup(running.cgroup, pid)
    return pid
  }

  /// Asks systemd for the cgroup, if it is the one to make it. While it does, the process goes on with its mounts.
  func requestScope(_ pid: Int32, _ cgroup: Cgroup) throws(Failure) -> RequestedScope? {
    guard cgroup.scope != nil else { return nil }
    var resources = config.linux?.resources ?? Config.Linux.Resources()
    resources.devices = deviceRules.devices
    return try cgroup.requestScope(pid, resources, annotations: config.annotations)
  }

  private func join(
    _ scope: consuming RequestedScope?, _ pid: Int32, _ socket: borrowing Socket, _ running: inout RunningInit
  ) throws(Failure) {
    guard let scope else { return }
    do throws(Failure) {
      try scope.finish()
      try running.cgroup.adopt(pid)
    } catch {
      // A process that has failed meanwhile is none for systemd: what it says is the reason.
      if let seen = try? poll([Polled(socket.descriptor.number, .readable)], milliseconds: 0), seen[0].isReady {
        guard try running.message(socket) == .environmentReady else { throw RunningInit.confused }
      }
      throw error
    }
    try running.cgroup.apply(deviceRules)
  }

  func limit(_ cgroup: Cgroup) throws(Failure) {
    if let resources = config.linux?.resources, !cgroup.hierarchies.isEmpty {
      try cgroup.apply(resources.withoutDevices)
    }
  }

  /// The devices asked for, with those every container may use behind them (config-linux.md, "Allowed Device list" and
  /// "Default Devices").
  var deviceRules: Config.Linux.Resources {
    var resources = Config.Linux.Resources()
    resources.devices = config.linux?.resources?.devices ?? []
    resources.addDefaultDevices()
    return resources
  }

  /// Writes down who the container process is, for every command that comes later.
  func writeRecord(_ container: inout Container, _ pid: Int32, in cgroup: Cgroup) throws(Failure) {
    var record = record
    record.place(in: cgroup)
    record.state.pid = pid
    record.state.status = .created
    guard let status = try step("container process", { () throws(SystemError) in try ProcessStatus.of(pid) }) else {
      throw RunningInit.confused
    }
    record.startTime = status.startTime
    try container.write(record)
    container.record = record
  }

  /// Tells those who want to know who the container process is.
  func tell(_ pid: Int32) throws(Failure) {
    if let path = options.pidFile { try writePIDFile(path, pid) }
    if let path = options.pidfdSocket ?? config.annotations["run.oci.pidfd_receiver"] { try sendPIDFD(path, pid) }
  }

  /// Writes down who the container process is, and tells it.
  private func writeDown(
    _ container: consuming Container, _ pid: Int32, in cgroup: Cgroup, _ socket: consuming Socket,
    _ terminal: consuming TerminalChannel
  ) throws(Failure) -> Created {
    try writeRecord(&container, pid, in: cgroup)
    try tell(pid)
    try terminal.receiveMaster()
    return Created(container: container, pid: pid, socket: socket, terminal: terminal)
  }
}

extension ContainerStore {
  /// The container's seccomp program, from the cache when it was compiled before.
  func compileFilter(_ config: Config) throws(Failure) -> FilterPlan {
    guard let program = try config.seccompProgram(cache: SeccompCache(directory: options.cache)) else {
      return .none
    }
    if let path = program.listenerPath { try SeccompListener.check(path) }
    return FilterPlan(instructions: program.instructions, flags: program.flags)
  }
}

extension Config {
  /// The seccomp program, as the annotations want it; `nil`: none is asked for.
  ///
  /// - Parameter cache: where it may be found, and is kept.
  func seccompProgram(cache: SeccompCache? = nil) throws(Failure) -> SeccompProgram? {
    if let data = annotations["run.oci.seccomp_bpf_data"] { return try SeccompProgram(base64: data) }
    guard var profile = linux?.seccomp else { return nil }
    profile.listenerPath = SeccompListener.path(in: self) ?? profile.listenerPath
    return try SeccompProgram.program(
      for: profile, cache: cache,
      failOnUnknownSyscall: annotations["run.oci.seccomp_fail_unknown_syscall"] == "1")
  }
}

extension CgroupView {
  /// What a mount of type `cgroup` shows: the container's cgroup, or where it has none, its caller's.
  init(of made: Cgroup, planned: Cgroup, _ sandbox: SandboxPlan) throws(Failure) {
    let inNamespace = sandbox.namespaces.separates(.cgroup)
    guard sandbox.rootfs.mounts.contains(where: { $0.source == .cgroup }) else {
      self.init(.none, inNamespace: inNamespace, isOwn: true)
      return
    }
    let isOwn = !made.hierarchies.isEmpty && made.hierarchies.count == planned.hierarchies.count
    let cgroup = isOwn ? made : try Cgroup(callersIn: CgroupLayout.detect())
    if cgroup.hierarchies.count == 1, let unified = cgroup.unified {
      self.init(.unified(directory: unified.directory), inNamespace: inNamespace, isOwn: isOwn)
      return
    }
    let hierarchies = cgroup.hierarchies.filter { $0.kind == .v1 }
      .map { Hierarchy(name: $0.name, options: $0.mountOptions, directory: $0.directory) }
    self.init(.hierarchies(hierarchies), inNamespace: inNamespace, isOwn: isOwn)
  }
}

import Linux

/// What the container's first process is handed besides its plan: descriptors made by the parent.
public struct InitChannels {
  /// To the parent (see ``ParentMessage``).
  public var parent: Int32
  /// The listening socket `start` connects to; -1: the parent itself says when to start (`run`).
  public var gate: Int32
  /// Where the master of the terminal is sent; -1: no terminal.
  public var console: Int32
  /// `tasks` files of cgroup v1, open for writing: the process moves itself by writing 0, which costs a third of what
  /// it costs the parent to move it (design, section 3).
  public var cgroupTasks: [Int32]
  /// A cgroup v2 directory the process is to be born in; -1: none.
  public var cgroupDirectory: Int32

  public init(
    parent: Int32, gate: Int32 = -1, console: Int32 = -1, cgroupTasks: [Int32] = [], cgroupDirectory: Int32 = -1
  ) {
    self.parent = parent
    self.gate = gate
    self.console = console
    self.cgroupTasks = cgroupTasks
    self.cgroupDirectory = cgroupDirectory
  }

  var all: [Int32] { [parent, gate, console, cgroupDirectory] + cgroupTasks }
}

/// Everything that shapes the container's first process.
public struct InitPlan {
  public var id: String
  public var sandbox: SandboxPlan
  public var cgroups: CgroupView
  public var hooks: ContainerHooks
  /// Whether the parent runs hooks between the environment's being ready and the pivot.
  public var announcesEnvironment: Bool
  /// Whether the parent has the process put into its cgroup only after it was made, and tells when that is done.
  public var awaitsCgroup: Bool

  public init(
    id: String, sandbox: SandboxPlan, cgroups: CgroupView, hooks: ContainerHooks, announcesEnvironment: Bool,
    awaitsCgroup: Bool = false
  ) {
    self.id = id
    self.sandbox = sandbox
    self.cgroups = cgroups
    self.hooks = hooks
    self.announcesEnvironment = announcesEnvironment
    self.awaitsCgroup = awaitsCgroup
  }
}

/// What ``startInit(_:_:)`` has made.
public enum StartedInit: Equatable {
  case container(pid: Int32)
  /// A process that makes the container process, tells its pid by message and ends; to be reaped.
  case intermediate(pid: Int32)
}

/// Clones the container's first process. Returns in the parent only.
public func startInit(_ plan: InitPlan, _ channels: InitChannels) throws(SystemError) -> StartedInit {
  let namespaces = plan.sandbox.namespaces
  if namespaces.needsIntermediate {
    // Born in the cgroup, as the container process will be from it: a user of the joined user namespace may not enter.
    switch try clone(into: [], cgroup: channels.cgroupDirectory) {
    case .parent(let pid): return .intermediate(pid: pid)
    case .child: intermediate(plan, channels)
    }
  }
  switch try clone(into: namespaces.createdByClone, cgroup: channels.cgroupDirectory) {
  case .parent(let pid): return .container(pid: pid)
  case .child: containerInit(plan, channels)
  }
}

/// Joins what must be joined first, then makes the container process as a sibling and ends.
///
/// What takes files of /proc/self is done before: in somebody else's user namespace these belong to root outside.
private func intermediate(_ plan: InitPlan, _ channels: InitChannels) -> Never {
  makeSibling(plan, channels, Socket(Descriptor(taking: channels.parent)))
  CurrentProcess.exit(0)
}

private func makeSibling(_ plan: InitPlan, _ channels: InitChannels, _ parent: consuming Socket) {
  do throws(Failure) {
    try step("clone") { () throws(SystemError) in try closeForeignDescriptors(keeping: plan.kept(channels)) }
    let namespaces = plan.sandbox.namespaces
    try plan.sandbox.process.setOOMScore()
    let offsets = namespaces.entersTimeByBirth ? try namespaces.openTimeOffsets() : -1
    // Processes of a container that is joined may not look into this one (CVE-2016-9962).
    try step("clone") { () throws(SystemError) in try CurrentProcess.setDumpable(false) }
    try namespaces.join(before: true)
    if namespaces.entersTimeByBirth { try namespaces.makeTimeNamespace(offsets) }
    let pipe = try step("clone") { () throws(SystemError) in try Descriptor.pipe() }
    let reader = Descriptor(taking: pipe.reader)
    let writer = Descriptor(taking: pipe.writer)
    let cloned = try step("clone") { () throws(SystemError) in
      try clone(into: namespaces.createdByClone, sibling: true)
    }
    if case .parent(let pid) = cloned {
      return try step("clone") { () throws(SystemError) in
        try parent.send(.hasPID(pid))
        try writer.write([1])
      }
    }
    // Its pid is the first the parent hears of it, or it never was.
    _ = consume writer
    let isKnown = try step("clone") { () throws(SystemError) in try !reader.read(upTo: 1).isEmpty }
    if !isKnown { CurrentProcess.exit(1) }
  } catch {
    return report(error, to: parent)
  }
  enterContainer(plan, channels, parent)
}

/// Tells the other side what failed; the caller then ends.
func report(_ failure: Failure, to socket: borrowing Socket) {
  // When nobody listens any more there is nobody to tell.
  try? socket.send(.failed(failure.message, errno: failure.errno?.rawValue ?? 0))
}

extension NamespacePlan {
  /// What clone3(2) makes. Not cgroup: its root is the cgroup of the *caller* at that moment, so the process makes it
  /// after it has joined its cgroup. Not time: its offsets are written before a process enters.
  var createdByClone: NamespaceFlags { created.subtracting([.cgroup, .time]) }

  /// Joining a pid namespace shows in children only, and namespaces that belong to another user namespace than the new
  /// one must be joined before it is entered.
  var needsIntermediate: Bool {
    if joins(.pid) { return true }
    let joinsAny = !joined.isEmpty
    return joinsAny && (created.contains(.user) || joins(.user)) && (joined.count > 1 || !created.isEmpty)
  }

  /// Joins the namespaces given by path: all of them in an intermediate process, `before` the container process is
  /// made; otherwise in that process itself.
  func join(before: Bool) throws(Failure) {
    guard before == needsIntermediate, !joined.isEmpty else { return }
    // Who is in these namespaces, with the capabilities of the user namespace, must not look into us (CVE-2016-9962).
    try step("namespaces") { () throws(SystemError) in try CurrentProcess.setDumpable(false) }
    // The mount namespace last: paths are looked up in it from then on.
    let ordered = joined.filter { $0.kind != .mount } + joined.filter { $0.kind == .mount }
    var later: [Joined] = []
    // With the privileges we have; what these do not suffice for is tried again inside the user namespace.
    for one in ordered where one.kind != .user {
      if joins(.user) {
        do { try one.join() } catch { later.append(one) }
      } else {
        try one.join()
      }
    }
    if let user = joined.first(where: { $0.kind == .user }) {
      try user.join()
      try becomeRootOfUserNamespace()
    }
    for one in later { try one.join() }
  }
}

/// Where the namespace has no such user, whoever enters it has all rights in it as well.
func becomeRootOfUserNamespace() throws(Failure) {
  try step("user namespace") { () throws(SystemError) in
    try Credentials.becomeRootGroupIfMapped()
    try Credentials.becomeRootIfMapped()
  }
}

extension NamespacePlan {
  /// Whether the intermediate process makes the time namespace: not where it belongs to a user namespace that is made later.
  var entersTimeByBirth: Bool { needsIntermediate && created.contains(.time) && !created.contains(.user) }

  /// The file that takes the clocks' offsets, while it is ours to open; -1: not needed (time_namespaces(7)).
  func openTimeOffsets() throws(Failure) -> Int32 {
    if timeOffsets.isEmpty { return -1 }
    return try step("time namespace") { () throws(SystemError) in
      try openFile("/proc/self/timens_offsets", .writeOnly).release()
    }
  }

  /// Makes the time namespace for the caller's children, and sets its clocks while nobody is inside.
  func makeTimeNamespace(_ offsets: Int32) throws(Failure) {
    try step("time namespace") { () throws(SystemError) in
      try NamespaceFlags.time.unshare()
      if offsets >= 0 { try Descriptor(taking: offsets).write(timeOffsets.joined()) }
    }
  }
}

extension NamespacePlan.Joined {
  func join() throws(Failure) {
    try step("namespace \"" + path + "\"") { () throws(SystemError) in
      let file = try openFile(path)
      try kind.join(file)
    }
  }
}

/// Closes every descriptor that is neither standard input, output, error nor one of `kept`: the container process
/// must hold nothing of its caller's, or a peer waiting for an end of file would wait for ever.
func closeForeignDescriptors(keeping kept: [Int32]) throws(SystemError) {
  var next: Int32 = 3
  for number in kept.filter({ $0 >= 3 }).sorted() {
    if number > next { try Descriptor.close(from: next, through: number - 1) }
    next = max(next, number + 1)
  }
  try Descriptor.close(from: next)
}

/// The container's first process, from clone3(2) to execve(2).
private func containerInit(_ plan: InitPlan, _ channels: InitChannels) -> Never {
  enterContainer(plan, channels, Socket(Descriptor(taking: channels.parent)))
  CurrentProcess.exit(1)
}

/// Comes back only when something failed, and that was told.
private func enterContainer(_ plan: InitPlan, _ channels: InitChannels, _ parent: consuming Socket) {
  let ready: (process: ProcessPlan, filter: FilterPlan)
  do throws(Failure) {
    try enclose(plan, channels, parent)
    ready = try setUp(plan, channels, parent)
    try announce(parent)
  } catch {
    return report(error, to: parent)
  }
  guard let starter = waitForStart(parent, gate: channels.gate) else { return }
  do throws(Failure) {
    try plan.hooks.run(.startContainer, inside: ready.process)
  } catch {
    try? starter.send(.hookFailed(error.message))
    return
  }
  do throws(Failure) {
    try ready.process.execute(ready.filter, reportingTo: starter)
  } catch {
    report(error, to: starter)
  }
}

/// Tells the parent that everything is ready.
func announce(_ parent: borrowing Socket) throws(Failure) {
  try step("created") { () throws(SystemError) in
    // From here on the parent's death shows in the end of the connection: the signal could strike a process that
    // was just told to wait, when the parent ends after its work is done.
    try CurrentProcess.setParentDeathSignal(nil)
    try parent.send(.created)
  }
}

extension InitPlan {
  /// The descriptors the container process needs.
  func kept(_ channels: InitChannels) -> [Int32] {
    channels.all + hooks.descriptors + sandbox.rootfs.mounts.map { $0.prepared }
      + (0..<sandbox.process.preservedDescriptors).map { 3 + $0 }
  }
}

/// Ties the process to its parent, lets go of what it was born with, and enters the cgroup.
func settle(_ channels: InitChannels, keeping kept: [Int32], _ parent: borrowing Socket) throws(Failure) {
  try step("container process") { () throws(SystemError) in
    // Until the parent lets go of it, the process must not outlive it.
    try CurrentProcess.setParentDeathSignal(Signal.kill.number)
    if try parent.peerHasClosed() { CurrentProcess.exit(1) }
    try closeForeignDescriptors(keeping: kept)
  }
  try step("cgroup: attach") { () throws(SystemError) in
    for number in channels.cgroupTasks { try Descriptor(taking: number).write("0") }
    if channels.cgroupDirectory >= 0 { _ = Descriptor(taking: channels.cgroupDirectory) }
  }
}

/// Enters the cgroup and the namespaces.
private func enclose(_ plan: InitPlan, _ channels: InitChannels, _ parent: borrowing Socket) throws(Failure) {
  let namespaces = plan.sandbox.namespaces
  try settle(channels, keeping: plan.kept(channels), parent)
  if !namespaces.needsIntermediate { try plan.sandbox.process.setOOMScore() }
  let entersTime = namespaces.created.contains(.time) && !namespaces.entersTimeByBirth
  let timeOffsets = entersTime ? try namespaces.openTimeOffsets() : -1
  try namespaces.join(before: false)
  if namespaces.created.contains(.user) {
    let answer = try step("user namespace") { () throws(SystemError) in
      try parent.send(.needsIDMaps)
      return try parent.receiveFromParent()
    }
    guard answer == .idMapsWritten else { CurrentProcess.exit(1) }
    try becomeRootOfUserNamespace()
    // A change of credentials has cleared it.
    try step("user namespace") { () throws(SystemError) in
      try CurrentProcess.setParentDeathSignal(Signal.kill.number)
      try CurrentProcess.setDumpable(false)
    }
  }
  if namespaces.created.contains(.cgroup) && !plan.awaitsCgroup {
    try step("cgroup namespace") { () throws(SystemError) in try NamespaceFlags.cgroup.unshare() }
  }
  if entersTime {
    try namespaces.makeTimeNamespace(timeOffsets)
    try step("time namespace") { () throws(SystemError) in
      try NamespaceFlags.time.join(try openFile("/proc/self/ns/time_for_children"))
    }
  }
  if namespaces.created.contains(.network) {
    try step("network") { () throws(SystemError) in try ProcessAttributes.bringInterfaceUp("lo") }
  }
}

/// Builds what the process will see; ends with everything ready for execve(2).
private func setUp(_ plan: InitPlan, _ channels: InitChannels, _ parent: borrowing Socket) throws(Failure)
  -> (ProcessPlan, FilterPlan)
{
  let sandbox = plan.sandbox
  try step("session") { () throws(SystemError) in try CurrentProcess.startSession() }
  if sandbox.process.joinsNewKeyring { try sandbox.process.joinKeyring(plan.id) }
  var rootfs = try Rootfs(sandbox.rootfs.withSharedBindsCopied())
  try rootfs.mountAll(cgroups: plan.cgroups) { () throws(Failure) in try awaitCgroup(plan, parent) }
  try rootfs.populateDev()
  if sandbox.process.terminal {
    try step("terminal") { () throws(SystemError) in
      try openConsole(sandbox.process, ptmx: rootfs.openMultiplexer(), sendTo: channels.console) {
        (terminal) throws(SystemError) in try rootfs.bindConsole(terminal)
      }
    }
  } else {
    try rootfs.reopenNullDevice()
  }
  let filter = try awaitGoAhead(plan, parent)
  try rootfs.ensureDirectory(sandbox.process.workingDirectory)
  try rootfs.mask()
  try rootfs.finish()
  try rootfs.enter()
  try setNames(sandbox)
  var process = sandbox.process
  try process.prepare()
  return (process, filter)
}

/// Waits until the process is in its cgroup, and makes that the root of its cgroup namespace.
private func awaitCgroup(_ plan: InitPlan, _ parent: borrowing Socket) throws(Failure) {
  guard plan.awaitsCgroup else { return }
  try step("cgroup") { () throws(SystemError) in
    guard try parent.receiveFromParent() == .cgroupReady else { CurrentProcess.exit(1) }
    if plan.sandbox.namespaces.created.contains(.cgroup) { try NamespaceFlags.cgroup.unshare() }
  }
}

/// Lets the parent do its part – hooks, limits, the seccomp program – and does what comes between that and the pivot.
private func awaitGoAhead(_ plan: InitPlan, _ parent: borrowing Socket) throws(Failure) -> FilterPlan {
  let answer = try step("go-ahead") { () throws(SystemError) in
    if plan.announcesEnvironment { try parent.send(.environmentReady) }
    return try parent.receiveFromParent()
  }
  guard case .proceed(let filter) = answer else { CurrentProcess.exit(1) }
  try plan.hooks.run(.createContainer, inside: plan.sandbox.process)
  try writeSysctl(plan.sandbox.sysctl)
  return filter
}

/// Kernel parameters, through a proc of our own (CVE-2019-16884).
private func writeSysctl(_ parameters: [(path: String, value: String)]) throws(Failure) {
  if parameters.isEmpty { return }
  let proc = try step("sysctl") { () throws(SystemError) in try Procfs(processesOnly: false) }
  for (path, value) in parameters {
    try step("sysctl") { () throws(SystemError) in
      // The files belong to root outside; root of a user namespace may do what they stand for.
      switch path {
      case "kernel/hostname": try CurrentProcess.setHostname(value)
      case "kernel/domainname": try CurrentProcess.setDomainname(value)
      default: try proc.write(value, to: "sys/" + path)
      }
    }
  }
}

private func setNames(_ sandbox: SandboxPlan) throws(Failure) {
  if let name = sandbox.hostname {
    try step("hostname") { () throws(SystemError) in try CurrentProcess.setHostname(name) }
  }
  if let name = sandbox.domainname {
    try step("domainname") { () throws(SystemError) in try CurrentProcess.setDomainname(name) }
  }
}

/// Waits until the container is started, and returns the connection on which a failure is to be told; `nil` when the
/// container is not to go on.
func waitForStart(_ parent: consuming Socket, gate: Int32) -> Socket? {
  let answer = try? parent.receiveFromParent()
  if answer == .start { return parent }
  // The parent has died before it wrote down who we are: nobody could ever start or delete this process.
  guard answer == .detach, gate >= 0 else { return nil }
  _ = consume parent
  let listener = Socket(Descriptor(taking: gate))
  // A `start` that dies before it has spoken has already declared the container running: it must not linger.
  guard let starter = try? listener.accept(), (try? starter.receiveFromParent()) == .start else { return nil }
  return starter
}

import Linux

/// How a process joins a container that is there already: what `exec` starts.
public struct JoinPlan {
  /// A pidfd of the container process, whose namespaces are joined, and its pid.
  public var container: Int32
  public var containerPID: Int32
  /// The kinds of namespaces in which the container differs from the runtime.
  public var namespaces: NamespaceFlags
  /// Whether the root is the container process's alone, and not that of its mount namespace.
  public var changesRoot = false
  /// Whose session keyring is joined; `nil`: the caller's is kept.
  public var keyring: String?
  public var process: ProcessPlan
  /// The CPUs the process may use once it is in its cgroup, as a bit mask; empty: those of the cgroup.
  public var finalAffinity: [UInt64] = []
  /// What the process does there instead of running a program.
  public var mountChange: MountChange?

  public init(container: Int32, pid: Int32, namespaces: NamespaceFlags, keyring: String?, process: ProcessPlan) {
    self.container = container
    containerPID = pid
    self.namespaces = namespaces
    self.keyring = keyring
    self.process = process
  }
}

/// Clones a process into the container. Returns in the parent only, which must make no other child afterwards: that one
/// would land in the container's pid namespace, too.
///
/// The process is the caller's child, so that it falls to the caller's reaper when the caller ends.
public func startJoined(_ plan: JoinPlan, _ channels: InitChannels) throws(SystemError) -> StartedInit {
  // The process is seen in the container before it has given up what it does not need there (CVE-2016-9962).
  try CurrentProcess.setDumpable(false)
  do throws(SystemError) {
    // This one shows in children only, so the caller stays where it is.
    try plan.join(plan.namespaces.intersection(.pid))
  } catch {
    guard error.errno == .notPermitted && plan.namespaces.contains(.user) else { throw error }
    // Only who is in the user namespace may. Born in the cgroup, as the process will be from it.
    switch try clone(into: [], cgroup: channels.cgroupDirectory) {
    case .parent(let pid): return .intermediate(pid: pid)
    case .child: intermediate(plan, channels)
    }
  }
  switch try clone(into: [], cgroup: channels.cgroupDirectory) {
  case .parent(let pid): return .container(pid: pid)
  case .child:
    become(plan, channels, Socket(Descriptor(taking: channels.parent)))
    CurrentProcess.exit(255)
  }
}

/// Joins the user namespace and with its rights the others, then makes the process as a sibling and ends.
private func intermediate(_ plan: JoinPlan, _ channels: InitChannels) -> Never {
  makeSibling(plan, channels, Socket(Descriptor(taking: channels.parent)))
  CurrentProcess.exit(0)
}

private func makeSibling(_ plan: JoinPlan, _ channels: InitChannels, _ parent: consuming Socket) {
  var inside = plan
  do throws(Failure) {
    try settle(channels, keeping: plan.kept(channels), parent)
    try plan.process.setOOMScore()
    try plan.enter(plan.namespaces)
    inside.namespaces = []
    inside.changesRoot = false
    inside.process.oomScoreAdjustment = nil
    let cloned = try step("clone") { () throws(SystemError) in try clone(into: [], sibling: true) }
    if case .parent(let pid) = cloned {
      return try step("clone") { () throws(SystemError) in try parent.send(.hasPID(pid)) }
    }
  } catch {
    return report(error, to: parent)
  }
  // The cgroup is inherited.
  become(inside, InitChannels(parent: channels.parent, console: channels.console), parent)
  CurrentProcess.exit(255)
}

/// From clone3(2) to execve(2). Comes back only when something failed, and that was told.
private func become(_ plan: JoinPlan, _ channels: InitChannels, _ parent: consuming Socket) {
  let ready: (process: ProcessPlan, filter: FilterPlan)
  do throws(Failure) {
    try settle(channels, keeping: plan.kept(channels), parent)
    try plan.process.setOOMScore()
    try plan.enter(plan.namespaces.subtracting(.pid))
    if let change = plan.mountChange {
      try change.carryOut()
      return try announce(parent)
    }
    ready = try plan.setUp(channels, parent)
    try announce(parent)
  } catch {
    return report(error, to: parent)
  }
  guard let parent = waitForStart(parent, gate: -1) else { return }
  do throws(Failure) {
    try ready.process.execute(ready.filter, reportingTo: parent)
  } catch {
    report(error, to: parent)
  }
}

extension JoinPlan {
  /// The descriptors the process needs.
  fileprivate func kept(_ channels: InitChannels) -> [Int32] {
    channels.all + [container] + (0..<process.preservedDescriptors).map { 3 + $0 }
      + (mountChange?.added.mounts.map { $0.prepared } ?? [])
  }

  /// Enters the namespaces, becomes the root of the user namespace among them, and goes to the container's root.
  fileprivate func enter(_ kinds: NamespaceFlags) throws(Failure) {
    // Before another mount namespace is entered, whose /proc may be anything.
    let root = changesRoot ? try step("rootfs") { () throws(SystemError) in try openRoot() } : -1
    try step("namespaces") { () throws(SystemError) in try join(kinds) }
    if kinds.contains(.user) {
      try becomeRootOfUserNamespace()
      try step("user namespace") { () throws(SystemError) in
        // A change of credentials has cleared them.
        try CurrentProcess.setParentDeathSignal(Signal.kill.number)
        try CurrentProcess.setDumpable(false)
      }
    }
    guard root >= 0 else { return }
    try step("rootfs") { () throws(SystemError) in
      try CurrentProcess.changeDirectory(Descriptor(taking: root))
      try CurrentProcess.changeRootToCurrentDirectory()
    }
  }

  private func openRoot() throws(SystemError) -> Int32 {
    let root = try openFile("/proc/" + String(containerPID) + "/root", [.path, .directory])
    try checkContainer()
    return root.release()
  }

  /// Joins the container's namespaces of these kinds: all at once (setns(2) with a pidfd, Linux 5.8), or where the kernel
  /// does not allow that one by one.
  fileprivate func join(_ kinds: NamespaceFlags) throws(SystemError) {
    if kinds.isEmpty { return }
    do throws(SystemError) {
      try withBorrowed(container) { (process) throws(SystemError) in try kinds.join(process) }
    } catch {
      switch error.errno {
      case .invalidArgument, .notPermitted, .noFunction: break
      default: throw error
      }
      try join(oneByOne: kinds)
    }
  }

  private func join(oneByOne kinds: NamespaceFlags) throws(SystemError) {
    let directory = "/proc/" + String(containerPID) + "/ns/"
    // The user namespace first, for the rights in the others; the mount namespace last, for the path of the others.
    let order: [NamespaceFlags] = [.user, .pid, .cgroup, .ipc, .uts, .network, .time, .mount]
    for kind in order where kinds.contains(kind) { try kind.join(try openFile(directory + kind.fileName)) }
    try checkContainer()
  }

  /// To be called behind a look at the container process by its number, which may have come to mean another meanwhile.
  private func checkContainer() throws(SystemError) {
    let hasEnded = try poll([Polled(container, .readable)], milliseconds: 0)[0].isReady
    if hasEnded { throw SystemError(call: "setns", subject: "", errno: .noSuchProcess) }
  }

  /// Builds what the program will see; ends with everything ready for execve(2).
  fileprivate func setUp(_ channels: InitChannels, _ parent: borrowing Socket) throws(Failure)
    -> (ProcessPlan, FilterPlan)
  {
    try step("session") { () throws(SystemError) in try CurrentProcess.startSession() }
    if let keyring { try process.joinKeyring(keyring) }
    if process.terminal {
      try step("terminal") { () throws(SystemError) in
        let root = Root(try openFile("/", [.path, .directory]))
        try openConsole(process, ptmx: root.openMultiplexer(), sendTo: channels.console) { _ in }
      }
    }
    if !finalAffinity.isEmpty {
      try step("execCPUAffinity.final") { () throws(SystemError) in try ProcessAttributes.setAffinity(finalAffinity) }
    }
    var ready = process
    try ready.prepare()
    let answer = try step("go-ahead") { () throws(SystemError) in try parent.receiveFromParent() }
    guard case .proceed(let filter) = answer else { CurrentProcess.exit(255) }
    return (ready, filter)
  }
}

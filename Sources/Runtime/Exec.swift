import Cgroups
import Linux
import OCI
import Sandbox

/// What `exec` is told besides the id.
public struct ExecOptions {
  /// The process as a document in a file: like `process` of config.json. `nil`: that of the container is the pattern.
  public var processFile: String?
  /// What differs from the document.
  public var changes = ProcessChanges()
  /// Whether the command ends as soon as the program runs.
  public var detach = false
  /// Gets the pid of the process.
  public var pidFile: String?
  /// A listening unix socket that gets the master of the terminal.
  public var consoleSocket: String?
  /// A listening unix socket that gets a pidfd of the process.
  public var pidfdSocket: String?
  /// How many descriptors from 3 on the program keeps.
  public var preserveFDs: Int32 = 0
  /// Where below the container's cgroup the process is to be; empty: there, or where the container process has moved.
  public var cgroups: [Subgroup] = []
  /// Whether a paused container is joined, too: the process then waits with the others.
  public var ignorePaused = false

  public init() {}
}

extension ContainerStore {
  /// Runs a further process in a container.
  ///
  /// - Returns: the exit status of the process, 128 + N when signal N ended it; detached, 0.
  public func exec(_ id: ContainerID, _ options: ExecOptions) throws(Failure) -> Int32 {
    try requireSeal()
    let container = try find(id)
    let target = try container.joinable(ignorePaused: options.ignorePaused)
    let execution = try Execution(container, target, options, in: self)
    if options.detach {
      _ = try execution.carryOut(in: self)
      return 0
    }
    // Before the process exists: no signal may get lost between its start and our readiness.
    let signals = try step("exec") { () throws(SystemError) in try SignalReader(Attendant.signals) }
    let started = try execution.carryOut(in: self)
    return try Attendant(pid: started.pid).attend(started.terminal.master, signals).code
  }
}

extension Container {
  /// The container process, where others may join it.
  fileprivate func joinable(ignorePaused: Bool) throws(Failure) -> PIDFD {
    guard let process = try process() else { throw notRunning }
    if !ignorePaused, try status() == .paused {
      throw Failure("container \"" + id.text + "\" is paused; resume it first, or use --ignore-paused")
    }
    return process
  }

  /// The kinds in which the container differs from us. Its user namespace may be ours, which cannot be joined again.
  func joined(_ namespaces: NamespacePlan) throws(Failure) -> NamespaceFlags {
    var kinds = namespaces.separated
    // That of an ordinary user's container may have been added.
    guard kinds.contains(.user) || CurrentProcess.effectiveUID != 0 else { return kinds }
    try step("namespaces") { () throws(SystemError) in
      let own = try fileStatus("/proc/self/ns/user")
      let its = try fileStatus("/proc/" + String(record.state.pid ?? 0) + "/ns/user")
      if own.inode == its.inode && own.device == its.device { kinds.remove(.user) } else { kinds.insert(.user) }
    }
    return kinds
  }
}

/// A process that runs its program in a container.
private struct StartedProcess: ~Copyable {
  let pid: Int32
  let terminal: TerminalChannel
}

/// One process being brought into a container: everything that is known before the first side effect.
private struct Execution {
  private let options: ExecOptions
  private let plan: JoinPlan
  private let cgroup: Cgroup
  private let initialAffinity: [UInt64]
  private let filter: FilterPlan
  private let listener: SeccompListener?
  /// What is thrown when the container ends before it is joined.
  private let notRunning: Failure

  init(
    _ container: borrowing Container, _ target: borrowing PIDFD, _ options: ExecOptions, in store: ContainerStore
  ) throws(Failure) {
    self.options = options
    notRunning = container.notRunning
    let config = try container.config()
    let process = try options.process(in: config)
    var program = try ProcessPlan(process, in: config)
    try program.setPreserved(options.preserveFDs)
    try program.checkTerminal(consoleSocket: options.consoleSocket, isAttached: !options.detach)
    try program.checkSecurityModules()
    let namespaces = try NamespacePlan(config.linux ?? Config.Linux())
    let pid = container.record.state.pid ?? 0
    var plan = JoinPlan(
      container: target.descriptor.number, pid: pid, namespaces: try container.joined(namespaces),
      keyring: container.record.hasKeyring ? container.id.text : nil, process: program)
    plan.changesRoot = !namespaces.created.contains(.mount)
    plan.finalAffinity = try Execution.affinity(process.execCPUAffinity?.final, "final")
    self.plan = plan
    initialAffinity = try Execution.affinity(process.execCPUAffinity?.initial, "initial")
    cgroup = try container.cgroup()
    filter = try store.compileFilter(config)
    listener = try SeccompListener.connect(for: container, isStarting: false)
  }

  private static func affinity(_ list: String?, _ name: String) throws(Failure) -> [UInt64] {
    guard let list else { return [] }
    guard let mask = bitMask(list: list, limit: 8192) else {
      throw Failure("process.execCPUAffinity." + name + ": expected a list such as \"0-3,7\", found \"" + list + "\"")
    }
    return mask
  }

  // MARK: carrying out

  /// Starts the process; whatever fails, it is gone again.
  func carryOut(in store: ContainerStore) throws(Failure) -> StartedProcess {
    let terminal = try TerminalChannel(for: plan.process, consoleSocket: options.consoleSocket)
    var running = RunningInit(cgroup: .disabled)
    do throws(Failure) {
      let socket = try start(terminal, &running)
      return try accompany(socket, terminal, &running, store)
    } catch {
      running.abandon()
      if let path = options.pidFile { removePIDFile(path) }
      // Between our look and the joining the container has ended.
      throw error.errno == .noSuchProcess ? notRunning : error
    }
  }

  /// Clones the process into the cgroup.
  private func start(_ terminal: borrowing TerminalChannel, _ running: inout RunningInit) throws(Failure) -> Socket {
    if !initialAffinity.isEmpty {
      try step("execCPUAffinity.initial") { () throws(SystemError) in try ProcessAttributes.setAffinity(initialAffinity)
      }
    }
    let pair = try step("socket") { () throws(SystemError) in try Socket.pairNumbers() }
    defer { _ = Descriptor(taking: pair.second) }
    let socket = Socket(Descriptor(taking: pair.first))
    let channels = InitChannels(parent: pair.second, console: terminal.sender)
    do throws(Failure) {
      running.started = try start(channels, options.cgroups)
    } catch {
      // Where the container's own manager has given controllers to cgroups below, processes live in these alone.
      guard error.errno == .resourceBusy || error.errno == .notSupported, options.cgroups.isEmpty,
        let subgroup = cgroup.subgroup(of: plan.containerPID)
      else { throw error }
      running.started = try start(channels, [subgroup])
    }
    return socket
  }

  private func start(_ channels: InitChannels, _ subgroups: [Subgroup]) throws(Failure) -> StartedInit {
    let attachment = try cgroup.attachment(subgroups)
    var channels = channels
    channels.cgroupTasks = attachment.tasks
    channels.cgroupDirectory = attachment.unified
    return try step("join", hint: { $0 == .wouldBlock ? "is the pids limit of the container reached?" : nil }) {
      () throws(SystemError) in
      try withExtendedLifetime(attachment) { () throws(SystemError) in try startJoined(plan, channels) }
    }
  }

  /// Does the parent's part until the process has become the program.
  private func accompany(
    _ socket: borrowing Socket, _ terminal: consuming TerminalChannel, _ running: inout RunningInit,
    _ store: ContainerStore
  ) throws(Failure) -> StartedProcess {
    terminal.closeSender()
    if case .intermediate = running.started { try running.awaitPID(socket) }
    let pid = running.pid
    try running.tell(.proceed(filter), socket)
    guard try running.message(socket) == .created else { throw RunningInit.confused }
    try terminal.receiveMaster()
    if let path = options.pidFile { try writePIDFile(path, pid) }
    if let path = options.pidfdSocket { try sendPIDFD(path, pid) }
    try step("start") { () throws(SystemError) in try socket.send(.start) }
    if let failure = try store.awaitProgram(socket, of: pid, listener) { throw failure }
    return StartedProcess(pid: pid, terminal: terminal)
  }
}

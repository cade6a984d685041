import Linux
import OCI
import Sandbox

extension ContainerStore {
  /// Lets the container's program run (runtime.md, "Start").
  public func start(_ id: ContainerID) throws(Failure) {
    let container = try find(id)
    try container.lock()
    let status = try container.status()
    guard status == .created else {
      throw Failure("container \"" + id.text + "\" is " + status.rawValue + " and cannot be started: it is not created")
    }
    guard container.record.hasProcess else {
      throw Failure("container \"" + id.text + "\": config.json has no process to start")
    }
    let poststart = try poststartHooks(container)
    let notifications = try NotifyProxy.listen(for: container, staysWithProcess: false)
    let listener = try SeccompListener.connect(for: container, isStarting: true)
    if let failure = try openGate(container, listener) ?? runPoststart(poststart, container) {
      // runtime.md, "Lifecycle" 7 and 9: after a hook that failed the life goes on with the container's destruction.
      try killAll(container)
      try destroy(container)
      throw failure
    }
    container.unlock()
    try notifications?.relayUntilReady(container)
  }

  /// Tells the waiting process to go on, and waits until it has become the program.
  ///
  /// - Returns: why a hook has kept it from that, or what it must not run without.
  private func openGate(_ container: borrowing Container, _ listener: SeccompListener?) throws(Failure) -> Failure? {
    let socket = try step("start") { () throws(SystemError) in
      let socket = try Socket.connect(Container.gate, in: container.directory)
      // From here on the container counts as running; the process ends if this command does not go through with it.
      try container.directory.remove(Container.gate)
      try socket.send(.start)
      return socket
    }
    return try awaitProgram(socket, of: container.record.state.pid ?? 0, listener)
  }

  /// Waits until execve(2) has closed the other end, or hears why it was not reached.
  ///
  /// - Parameters:
  ///   - pid: the process.
  ///   - listener: gets the descriptor of SCMP_ACT_NOTIFY when the process sends it.
  /// - Returns: the failure of a startContainer hook, or of handing that descriptor over.
  func awaitProgram(_ socket: borrowing Socket, of pid: Int32, _ listener: SeccompListener?) throws(Failure)
    -> Failure?
  {
    while true {
      let bytes: [UInt8]
      let passed: Descriptor?
      do {
        let message = try socket.receive(upTo: ChildMessage.maximumSize)
        bytes = message.bytes
        passed = message.takeDescriptor()
      } catch {
        guard error.errno == .connectionReset else { throw Failure("start", error) }
        bytes = []
        passed = nil
      }
      if bytes.isEmpty {
        try requireProgram(pid)
        return nil
      }
      switch ChildMessage(bytes) {
      case .failed(let message, let errno):
        throw Failure(message, errno: errno == 0 ? nil : Errno(rawValue: errno))
      case .hookFailed(let message): return Failure(message)
      case .filterLoaded:
        guard let passed else { throw RunningInit.confused }
        do throws(Failure) { try listener?.handOver(passed, of: pid) } catch { return error }
      default: break
      }
    }
  }

  /// The connection ends with execve(2), or with the process: then nothing of the program has run.
  ///
  /// A process that somebody has reaped by now has left no word; that it was started is what is known of it.
  private func requireProgram(_ pid: Int32) throws(Failure) {
    let status = try step("container process") { () throws(SystemError) in try ProcessStatus.of(pid) }
    guard let status, !status.hasExecuted else { return }
    throw Failure("the container process ended before it became the program; was it killed?")
  }

  /// The hooks to run once the program runs, ready to be run; `nil`: there are none.
  func poststartHooks(_ container: borrowing Container) throws(Failure) -> ContainerHooks? {
    guard container.record.hasPoststartHooks else { return nil }
    var prepared = try container.hooks()
    try prepared.openOutput()
    return prepared
  }

  /// runtime.md, "Lifecycle" 9: a poststart hook that fails is an error, and stops the container.
  func runPoststart(_ hooks: ContainerHooks?, _ container: borrowing Container) -> Failure? {
    do throws(Failure) {
      try hooks?.run(.poststart, pid: container.record.state.pid ?? 0)
      return nil
    } catch {
      return error
    }
  }

  /// The last steps of `run`: the program, and the hooks behind it. Then others may work on the container.
  func awaitStart(_ created: borrowing Created) throws(Failure) {
    let poststart = try poststartHooks(created.container)
    let listener = try SeccompListener.connect(for: created.container, isStarting: true)
    try step("start") { () throws(SystemError) in try created.socket.send(.start) }
    if let failure = try awaitProgram(created.socket, of: created.pid, listener)
      ?? runPoststart(poststart, created.container)
    {
      throw failure
    }
    created.container.unlock()
  }
}

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
    try openGate(container)
    try runPoststartHooks(container)
  }

  /// Tells the waiting process to go on, and waits until it has become the program.
  private func openGate(_ container: borrowing Container) throws(Failure) {
    let socket = try step("start") { () throws(SystemError) in
      let socket = try Socket.connect(Container.gate, in: container.directory)
      // From here on the container counts as running; the process ends if this command does not go through with it.
      try container.directory.remove(Container.gate)
      try socket.send(.start)
      return socket
    }
    try awaitProgram(socket)
  }

  /// Waits until execve(2) has closed the other end, or hears why it was not reached.
  func awaitProgram(_ socket: borrowing Socket) throws(Failure) {
    while true {
      let bytes: [UInt8]
      do {
        bytes = try socket.receive(upTo: ChildMessage.maximumSize).bytes
      } catch {
        if error.errno == .connectionReset { return }
        throw Failure("start", error)
      }
      if bytes.isEmpty { return }
      if case .failed(let message, let errno) = ChildMessage(bytes) {
        throw Failure(message, errno: errno == 0 ? nil : Errno(rawValue: errno))
      }
    }
  }

  /// runtime.md, "Lifecycle" 10: a poststart hook that fails is an error, and stops the container.
  func runPoststartHooks(_ container: borrowing Container) throws(Failure) {
    guard container.record.hasPoststartHooks, let hooks = try container.config().hooks else { return }
    do {
      try ContainerHooks(hooks, state: container.record.state).run(.poststart, pid: container.record.state.pid)
    } catch {
      if let process = try container.process() { try? process.signal(Signal.kill.number) }
      throw error
    }
  }
}

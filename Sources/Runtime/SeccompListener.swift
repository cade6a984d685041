import JSON
import Linux
import OCI
import Sandbox

/// Who decides about a container's system calls (SCMP_ACT_NOTIFY): connected before the process is let go, so that it
/// never runs without.
final class SeccompListener {
  private let socket: Socket
  private let metadata: String?
  private let state: State

  private init(_ socket: consuming Socket, _ metadata: String?, _ state: State) {
    self.socket = socket
    self.metadata = metadata
    self.state = state
  }

  /// The socket that a configuration names: the specification's way, or crun's.
  static func path(in config: Config) -> String? {
    guard let seccomp = config.linux?.seccomp, seccomp.syscalls.contains(where: { $0.action == .notify }) else {
      return nil
    }
    return seccomp.listenerPath ?? config.annotations["run.oci.seccomp.receiver"]
  }

  /// Connects to the listener of the container; `nil`: it has none.
  ///
  /// - Parameter isStarting: whether it is about the container's own process; otherwise about a further one.
  static func connect(for container: borrowing Container, isStarting: Bool) throws(Failure) -> SeccompListener? {
    guard container.record.notifiesListener else { return nil }
    let config = try container.config()
    guard let path = path(in: config) else { return nil }
    let socket = try step("linux.seccomp.listenerPath") { () throws(SystemError) in try Socket.connect(stream: path) }
    var state = container.record.state(with: config.annotations)
    state.status = isStarting ? .created : try container.status()
    return SeccompListener(socket, config.linux?.seccomp?.listenerMetadata, state)
  }

  /// Refuses a socket that is not there, while nothing has been made.
  static func check(_ path: String) throws(Failure) {
    let status = try step("linux.seccomp.listenerPath") { () throws(SystemError) in try fileStatus(path) }
    guard status.isSocket else { throw Failure("linux.seccomp.listenerPath \"" + path + "\": not a socket") }
  }

  /// Gives the listener the descriptor on which the kernel asks about the calls of process `pid`.
  func handOver(_ notifications: borrowing Descriptor, of pid: Int32) throws(Failure) {
    var writer = JSON.Writer()
    ContainerProcessState(
      ociVersion: specificationVersion, fds: [ContainerProcessState.seccompFD], pid: pid, metadata: metadata,
      state: state
    ).encode(to: &writer)
    let bytes = writer.bytes
    try step("linux.seccomp.listenerPath") { () throws(SystemError) in
      try socket.send(bytes, descriptor: notifications.number)
    }
  }
}

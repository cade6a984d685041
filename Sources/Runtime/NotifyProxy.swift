import Linux
import OCI
import Sandbox

/// Carries what a container says to its service manager out of it (sd_notify(3), systemd's `Type=notify`).
///
/// With `NOTIFY_SOCKET` set, `create` gives the container a directory with the end of a socket of ours, and `start`
/// listens there until the container says that it is ready; an attached `run` listens until the container ends. The
/// manager's own socket never enters the container: what passes is text, of known kinds.
final class NotifyProxy {
  /// In the container's directory, and inside the container.
  private static let directory = "notify"
  private static let destination = "/run/notify"
  private static let name = "notify.sock"

  /// What a container may tell about itself. Not: which process to watch, who else may speak, which files to keep.
  private static let passed: [StaticString] = [
    "READY", "RELOADING", "STOPPING", "STATUS", "ERRNO", "BUSERROR", "EXIT_STATUS", "WATCHDOG", "WATCHDOG_USEC",
    "EXTEND_TIMEOUT_USEC", "MONOTONIC_USEC",
  ]

  private let listener: Socket
  private let manager: String
  /// The container process, which becomes the service's main process when nobody stays with it; `nil`: we do.
  private let mainPID: Int32?

  var number: Int32 { listener.descriptor.number }

  /// The manager's socket, a path or `@` and a name of the abstract namespace; `nil`: there is none, or it is no unix socket.
  private static var manager: String? {
    Environment["NOTIFY_SOCKET"].flatMap { $0.hasPrefix("/") || $0.hasPrefix("@") ? $0 : nil }
  }

  // MARK: create

  /// Whether the container gets a socket: not where it has its host's files, or a socket by its own configuration.
  static func isWanted(for plan: SandboxPlan) -> Bool {
    manager != nil && plan.rootfs.entry != .changeRoot
      && !plan.process.environment.contains { $0.hasPrefix("NOTIFY_SOCKET=") }
  }

  /// The mount of a container that has one.
  static func externalMounts(_ container: borrowing Container) -> [ExternalMount] {
    container.directory.contains(directory) ? [ExternalMount(destination, source: "")] : []
  }

  /// For a container that may have had one when its images were made: nobody listens there any more.
  static func restoredMount(_ container: borrowing Container, root: String) throws(Failure) -> ExternalMount {
    ExternalMount(destination, source: try makeDirectory(container, root: root))
  }

  private static func makeDirectory(_ container: borrowing Container, root: String) throws(Failure) -> String {
    try step("NOTIFY_SOCKET") { () throws(SystemError) in
      try container.directory.makeDirectory(directory, mode: 0o755)
    }
    return root + "/" + container.id.text + "/" + directory
  }

  /// Adds the directory and the variable that says where it is.
  static func add(to plan: inout SandboxPlan, _ container: borrowing Container, root: String) throws(Failure) {
    let source = try makeDirectory(container, root: root)
    plan.rootfs.mounts.append(MountPlan(index: plan.rootfs.mounts.count, privateDirectory: source, on: destination))
    plan.process.environment.append("NOTIFY_SOCKET=" + destination + "/" + name)
  }

  // MARK: start

  /// Listens, if `create` has given the container a socket. To be made before the program runs.
  ///
  /// - Parameter staysWithProcess: whether this command lasts as long as the container.
  static func listen(for container: borrowing Container, staysWithProcess: Bool) throws(Failure) -> NotifyProxy? {
    guard let manager, container.directory.contains(directory) else { return nil }
    return try step("NOTIFY_SOCKET") { () throws(SystemError) in
      let place = try container.directory.directory(directory)
      // The container's program is to write to it.
      let socket = try SecurityModules.withSocketLabel(container.record.socketLabel) { () throws(SystemError) in
        try Socket.receiver(name, in: place)
      }
      // Whatever user the container's program is: it may speak.
      try place.descriptor.changeMode(of: name, to: 0o777)
      return NotifyProxy(socket, manager, staysWithProcess ? nil : container.record.state.pid)
    }
  }

  private init(_ listener: consuming Socket, _ manager: String, _ mainPID: Int32?) {
    self.listener = listener
    self.manager = manager
    self.mainPID = mainPID
  }

  /// Passes messages on until the container is ready, or has ended.
  func relayUntilReady(_ container: borrowing Container) throws(Failure) {
    guard let process = try container.process() else { return }
    try step("NOTIFY_SOCKET") { () throws(SystemError) in
      while true {
        let seen = try poll([Polled(number, .readable), Polled(process.descriptor.number, .readable)])
        if seen[0].isReady, try relay() { return }
        if seen[1].isReady && !seen[0].isReady { return }
      }
    }
  }

  /// Passes one message on, as far as it may pass. A descriptor that came along is closed: the sender of `BARRIER=1`
  /// waits for that.
  ///
  /// - Returns: whether it said that the container is ready.
  func relay() throws(SystemError) -> Bool {
    let lines = try listener.receive(upTo: 8192).bytes.split(separator: UInt8(ascii: "\n"))
    var passing = lines.filter { line in
      let key = String(decoding: line.prefix { $0 != UInt8(ascii: "=") }, as: UTF8.self)
      return NotifyProxy.passed.contains { $0.matches(key) }
    }
    let isReady = passing.contains(Array("READY=1".utf8)[...])
    if isReady, let mainPID { passing.append(Array(("MAINPID=" + String(mainPID)).utf8)[...]) }
    // The manager may have gone; the container goes on.
    if !passing.isEmpty { try? Socket.connect(sender: manager).send(Array(passing.joined(separator: [10]))) }
    return isReady
  }
}

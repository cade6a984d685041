import Cgroups
import Linux
import OCI

/// Where in its life a container is: never written down, but read off what is true now.
extension ContainerRecord {
  /// - Parameters:
  ///   - process: what the kernel says of the container process (``processStatus``).
  ///   - directory: the container's directory, or one above it.
  ///   - way: what leads from `directory` to the container's, with a slash at its end; empty: it is the container's own.
  func status(of process: ProcessStatus?, in directory: borrowing Directory, way: String = "") throws(Failure)
    -> State.Status
  {
    guard let pid = state.pid, pid > 0 else {
      // Whoever creates it holds the lock; a creator that has died has taken the process with it.
      return try ContainerRecord.isLocked(directory, way) ? .creating : .stopped
    }
    guard let process, !process.hasEnded else { return .stopped }
    // Before it is started, too: what stands still cannot be started.
    if try Cgroup.isFrozen(freezers, with: process) { return .paused }
    // What waits at the gate has not become another program yet.
    if process.hasExecuted { return .running }
    return try ContainerRecord.isWaiting(directory, way) ? .created : .running
  }

  /// The document that the specification calls the state of the container. The parameters are those of
  /// ``status(of:in:way:)``.
  func currentState(of process: ProcessStatus?, in directory: borrowing Directory, way: String = "") throws(Failure)
    -> State
  {
    var state = state
    state.status = try status(of: process, in: directory, way: way)
    if state.status == .stopped || state.status == .creating { state.pid = 0 }
    if hasAnnotations { state.annotations = try Container.config(of: state.id, in: directory, way: way).annotations }
    return state
  }

  /// Whether the container process runs: neither ended, nor a zombie, nor another process with its number.
  var isAlive: Bool {
    get throws(Failure) { try processStatus.map { !$0.hasEnded } ?? false }
  }

  /// Whether nothing of the container process runs any more, although it has not ended (``ProcessStatus/isLeaving``).
  var isLeaving: Bool {
    get throws(Failure) { try processStatus.map { $0.isLeaving } ?? false }
  }

  /// What the kernel says of the container process; `nil`: there is none, nor a zombie of it.
  var processStatus: ProcessStatus? {
    get throws(Failure) { try processStatus { (pid) throws(SystemError) in try ProcessStatus.of(pid) } }
  }

  /// The same, from a /proc that is open: when there are many to be asked for.
  func processStatus(in proc: borrowing Directory) throws(Failure) -> ProcessStatus? {
    try processStatus { (pid) throws(SystemError) in try ProcessStatus.of(pid, in: proc) }
  }

  private func processStatus(_ read: (Int32) throws(SystemError) -> ProcessStatus?) throws(Failure) -> ProcessStatus? {
    guard let pid = state.pid, pid > 0 else { return nil }
    let status = try step("container process") { () throws(SystemError) in try read(pid) }
    return status?.startTime == startTime ? status : nil
  }

  /// Whether the start gate is still there.
  private static func isWaiting(_ directory: borrowing Directory, _ way: String) throws(Failure) -> Bool {
    do {
      _ = try directory.status(of: way + Container.gate)
      return true
    } catch {
      if error.errno == .noSuchFileOrDirectory { return false }
      throw Failure("start gate", error)
    }
  }

  /// Whether another command has locked the container.
  private static func isLocked(_ directory: borrowing Directory, _ way: String) throws(Failure) -> Bool {
    try step("lock") { () throws(SystemError) in
      // A second open file of the directory: closing it gives the lock up.
      try !directory.open(way + ".", [.readOnly, .directory]).lock(wait: false)
    }
  }
}

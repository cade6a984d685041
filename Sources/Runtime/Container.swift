import Cgroups
import JSON
import Linux
import OCI
import Sandbox

/// A container that exists: its directory, open, and what is written there.
struct Container: ~Copyable {
  let id: ContainerID
  let directory: Directory
  var record: ContainerRecord

  /// The socket that `start` connects to: there from the container's creation until it is started.
  static let gate = "start"
  /// The configuration as it was when the container was created; later changes of the bundle have no effect.
  static let config = "config.json"

  // MARK: status

  /// Where in its life the container is, from what is true now.
  func status() throws(Failure) -> State.Status {
    guard let pid = record.state.pid, pid > 0 else {
      // Whoever creates it holds the lock; a creator that has died has taken the process with it.
      return try isLockedByAnother() ? .creating : .stopped
    }
    guard try isAlive else { return .stopped }
    // Before it is started, too: what stands still cannot be started.
    if try isFrozen() { return .paused }
    return try isWaiting ? .created : .running
  }

  private func isFrozen() throws(Failure) -> Bool {
    if record.cgroups.isEmpty { return false }
    return try cgroup().isFrozen
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
    get throws(Failure) {
      guard let pid = record.state.pid, pid > 0 else { return nil }
      let status = try step("container process") { () throws(SystemError) in try ProcessStatus.of(pid) }
      return status?.startTime == record.startTime ? status : nil
    }
  }

  /// Whether the start gate is still there.
  private var isWaiting: Bool {
    get throws(Failure) {
      do {
        _ = try directory.status(of: Container.gate)
        return true
      } catch {
        if error.errno == .noSuchFileOrDirectory { return false }
        throw Failure("start gate", error)
      }
    }
  }

  private func isLockedByAnother() throws(Failure) -> Bool {
    try step("lock") { () throws(SystemError) in
      // A second open file of the directory: closing it gives the lock up.
      try !directory.open(".", [.readOnly, .directory]).lock(wait: false)
    }
  }

  /// The document that the specification calls the state of the container.
  func state() throws(Failure) -> State {
    var state = record.state
    state.status = try status()
    if state.status == .stopped || state.status == .creating { state.pid = 0 }
    if record.hasAnnotations { state.annotations = try config().annotations }
    return state
  }

  /// Takes the container's lock; others wait, or give up after `milliseconds`.
  func lock(milliseconds: Int64 = 10_000) throws(Failure) {
    let deadline = Clock.monotonicMilliseconds() + milliseconds
    try step("lock") { () throws(SystemError) in
      while try !directory.descriptor.lock(wait: false) {
        if Clock.monotonicMilliseconds() > deadline {
          throw SystemError(call: "flock", subject: "another command works on the container", errno: .wouldBlock)
        }
        _ = try poll([], milliseconds: 10)
      }
    }
  }

  /// What a command says that needs the container process.
  var notRunning: Failure {
    Failure("container \"" + id.text + "\": container not running", errno: .noSuchProcess)
  }

  // MARK: parts

  func cgroup() throws(Failure) -> Cgroup { try Cgroup(saved: record.cgroups) }

  var resourceControl: ResourceControl? { ResourceControl(saved: record.resourceControl) }

  /// The container process, held so that its number cannot come to mean another.
  func process() throws(Failure) -> PIDFD? {
    guard let pid = record.state.pid, pid > 0 else { return nil }
    let process: PIDFD
    do {
      process = try PIDFD(pid)
    } catch {
      if error.errno == .noSuchProcess { return nil }
      throw Failure("container process", error)
    }
    // Looked at after it was opened: what is held is what was looked at.
    if try isAlive { return process }
    return nil
  }

  /// The hooks of the configuration, and what they are told.
  func hooks() throws(Failure) -> ContainerHooks {
    let config = try config()
    return ContainerHooks(config.hooks ?? Config.Hooks(), state: record.state(with: config.annotations))
  }

  func config() throws(Failure) -> Config {
    let bytes = try step("container \"" + id.text + "\"") { () throws(SystemError) in
      try directory.read(Container.config, estimate: 32768)
    }
    do {
      return try Config(json: bytes, file: Container.config)
    } catch {
      throw Failure(error.description)
    }
  }

  func write(_ record: ContainerRecord) throws(Failure) {
    try step("state") { () throws(SystemError) in try directory.replace(ContainerRecord.file, with: record.json) }
  }
}

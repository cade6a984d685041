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

  func status() throws(Failure) -> State.Status { try record.status(of: record.processStatus, in: directory) }

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

  /// Lets others work on the container, while this command only waits.
  func unlock() { directory.descriptor.unlock() }

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
    if try record.isAlive { return process }
    return nil
  }

  /// The hooks of the configuration, and what they are told.
  func hooks() throws(Failure) -> ContainerHooks {
    let config = try config()
    return ContainerHooks(config.hooks ?? Config.Hooks(), state: record.state(with: config.annotations))
  }

  func config() throws(Failure) -> Config { try Container.config(of: id.text, in: directory) }

  /// The saved configuration. The parameters are those of ``ContainerRecord/status(of:in:way:)``.
  static func config(of id: String, in directory: borrowing Directory, way: String = "") throws(Failure) -> Config {
    let bytes = try step("container \"" + id + "\"") { () throws(SystemError) in
      try directory.read(way + Container.config, estimate: 32768)
    }
    do {
      return try Config(json: bytes, file: Container.config)
    } catch {
      throw Failure(error.description)
    }
  }

  func write(_ record: ContainerRecord) throws(Failure) {
    try step("state") { () throws(SystemError) in
      try directory.append(record.line, to: ContainerRecord.file)
    }
  }
}

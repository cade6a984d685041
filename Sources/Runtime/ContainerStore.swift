import Cgroups
import JSON
import Linux
import OCI

/// Who sets the limits of a container.
public enum CgroupManager: Equatable, Sendable {
  /// This program, through the cgroup file system.
  case cgroupfs
  /// The systemd of the machine, or of the user.
  case systemd
  /// Nobody: the container stays in its caller's cgroup.
  case disabled
}

/// Whether the caller is an ordinary user, or root of a user namespace: what such a caller may not do is left out where a
/// container can do without.
public enum Rootless: String, CaseIterable, Sendable {
  case `true`, `false`, auto

  /// The answer; `auto` looks who is asking.
  public var holds: Bool {
    switch self {
    case .true: return true
    case .false: return false
    case .auto: return CurrentProcess.effectiveUID != 0 || !CurrentProcess.isInInitialUserNamespace
    }
  }
}

/// What every command is told.
public struct RuntimeOptions {
  /// The directory of the containers' states, such as `/run/apus`.
  public var root: String
  public var cgroupManager: CgroupManager
  public var rootless: Rootless
  /// What it takes to make or enter a container.
  public var seal: ProgramSeal?
  /// Called with what a person should know and what is no failure.
  public var warn: (String) -> Void
  /// Called with what is worth a record, and no person's attention.
  public var remark: (String) -> Void

  public init(
    root: String, cgroupManager: CgroupManager = .cgroupfs, rootless: Rootless = .auto, seal: ProgramSeal? = nil,
    warn: @escaping (String) -> Void = { _ in }, remark: @escaping (String) -> Void = { _ in }
  ) {
    self.root = root
    self.cgroupManager = cgroupManager
    self.rootless = rootless
    self.seal = seal
    self.warn = warn
    self.remark = remark
  }

  /// Tells of a problem that is no reason to fail.
  ///
  /// - Parameter place: stands in front of it.
  func tell(_ problem: Problem, in place: String = "") {
    if problem.severity == .warning { warn(place + problem.description) } else { remark(place + problem.description) }
  }

  var isRootless: Bool { rootless.holds }

  /// The directory of what later containers can use again; no container's id starts with a dot.
  var cache: String { root + "/.cache" }
}

/// The containers of one state directory: one directory each, named by the id.
public struct ContainerStore {
  let options: RuntimeOptions

  public init(_ options: RuntimeOptions) { self.options = options }

  // MARK: finding

  static func unknown(_ id: ContainerID) -> Failure {
    Failure("container \"" + id.text + "\": container does not exist", errno: .noSuchFileOrDirectory)
  }

  /// The container of that id.
  func find(_ id: ContainerID) throws(Failure) -> Container {
    let directory = try openDirectory(id)
    let record = try ContainerStore.record(of: id, in: directory)
    return Container(id: id, directory: directory, record: record)
  }

  /// What is written down of a container, or of it what its status follows from. The parameters are those of
  /// ``ContainerRecord/status(of:in:way:)``.
  private static func record(
    of id: ContainerID, in directory: borrowing Directory, way: String = "", forStatus: Bool = false
  ) throws(Failure) -> ContainerRecord {
    let bytes: [UInt8]
    do {
      bytes = try directory.readRegularFile(way + ContainerRecord.file)
    } catch {
      // Between its directory's being made and its state's being written a container does not exist yet.
      if error.errno == .noSuchFileOrDirectory { throw ContainerStore.unknown(id) }
      throw Failure("container \"" + id.text + "\"", error)
    }
    if bytes.isEmpty { throw ContainerStore.unknown(id) }
    do {
      return try ContainerRecord(json: bytes, file: ContainerRecord.file, forStatus: forStatus)
    } catch {
      throw Failure(
        "container \"" + id.text + "\": its state is damaged: " + error.description
          + "; `delete --force` removes what is left of it")
    }
  }

  private func openDirectory(_ id: ContainerID) throws(Failure) -> Directory {
    do {
      return try Directory(path: options.root + "/" + id.text, [.readOnly, .noFollow])
    } catch {
      if error.errno == .noSuchFileOrDirectory || error.errno == .fileNameTooLong { throw ContainerStore.unknown(id) }
      throw Failure("container \"" + id.text + "\"", error)
    }
  }

  /// The ids of all containers, sorted.
  public func ids() throws(Failure) -> [String] {
    try withRoot([]) { root throws(SystemError) in try ContainerStore.names(root) }
  }

  /// The states of all containers, sorted by id. One that cannot be read is reported, and left out.
  public func list() throws(Failure) -> [State] {
    try withRoot([]) { root throws(SystemError) in
      let proc = try Directory(path: "/proc", [.path])
      var states: [State] = []
      for name in try ContainerStore.names(root) {
        do throws(Failure) {
          // From here, without opening the container's directory: there may be thousands.
          let (id, way) = (try ContainerID(name), name + "/")
          let record = try ContainerStore.record(of: id, in: root, way: way, forStatus: true)
          states.append(try record.currentState(of: record.processStatus(in: proc), in: root, way: way))
        } catch {
          // One that was deleted while we looked is none.
          if error.errno != .noSuchFileOrDirectory { options.warn(error.message) }
        }
      }
      return states
    }
  }

  /// What is read from the directory of all states; `nothing` where no container was ever made.
  private func withRoot<T>(_ nothing: T, _ read: (borrowing Directory) throws(SystemError) -> T) throws(Failure) -> T {
    do throws(SystemError) {
      return try read(try Directory(path: options.root))
    } catch {
      if error.errno == .noSuchFileOrDirectory { return nothing }
      throw Failure("state directory", error)
    }
  }

  private static func names(_ root: borrowing Directory) throws(SystemError) -> [String] {
    try root.directoryNames().filter { $0.utf8.first != UInt8(ascii: ".") }.sorted()
  }

  /// The state of the container (runtime.md, "Query State").
  public func state(_ id: ContainerID) throws(Failure) -> State {
    let container = try find(id)
    return try container.record.currentState(of: container.record.processStatus, in: container.directory)
  }

  /// The processes of the container, as the caller's pid namespace numbers them.
  public func processes(_ id: ContainerID) throws(Failure) -> [Int32] {
    let container = try find(id)
    if !container.record.cgroups.isEmpty { return try container.cgroup().processes() }
    guard try container.record.isAlive, let pid = container.record.state.pid else { return [] }
    return [pid]
  }

  // MARK: making

  /// Passes when no process of a container could write to the running program.
  func requireSeal() throws(Failure) {
    if options.seal == nil {
      throw Failure("the program has no seal: a container could write to it; see ProgramSeal and RuntimeOptions.seal")
    }
  }

  /// Makes the directory of a new container, locked by us, with its first record.
  func make(_ id: ContainerID, _ record: ContainerRecord, config: [UInt8]) throws(Failure) -> Container {
    do throws(SystemError) {
      // Sticky: what clears run-time directories away after a while passes it over (XDG Base Directory Specification).
      try makeDirectories(options.root, mode: 0o1700)
      let root = try Directory(path: options.root, [.path])
      try root.makeDirectory(id.text, mode: 0o700)
      do throws(SystemError) {
        let directory = try root.directory(id.text, [.readOnly, .noFollow])
        _ = try directory.descriptor.lock(wait: true)
        try directory.create(Container.config, with: config)
        // With its state there is a container.
        try directory.create(ContainerRecord.file, with: record.line)
        return Container(id: id, directory: directory, record: record)
      } catch {
        try? root.removeTree(id.text)
        throw error
      }
    } catch {
      if error.errno == .fileExists {
        throw Failure("container \"" + id.text + "\" already exists", errno: .fileExists)
      }
      throw Failure(
        "state directory \"" + options.root + "\"", error,
        hint: error.errno == .permissionDenied ? "set XDG_RUNTIME_DIR, or use --root" : nil)
    }
  }

  /// Removes the directory of a container.
  func removeDirectory(_ id: ContainerID) throws(Failure) {
    try step("state directory") { () throws(SystemError) in
      let root: Directory
      do throws(SystemError) {
        root = try Directory(path: options.root, [.path])
      } catch {
        // No container was ever made.
        if error.errno == .noSuchFileOrDirectory { return }
        throw error
      }
      try root.removeTree(id.text)
    }
  }
}

import Linux

extension Cgroup {
  /// The processes in the cgroup, by pid as the caller sees them; with `recursive` also those in cgroups below.
  ///
  /// - Returns: none when the cgroup is gone.
  public func processes(recursive: Bool = true) throws(Failure) -> [Int32] {
    guard let leading else { return [] }
    var found: [Int32] = []
    try step("cgroup: list the processes of " + leading.directory) { () throws(SystemError) in
      try Processes.collect(leading.directory, recursive, &found)
    }
    return found
  }

  /// Sends a signal to every process in the cgroup and below. One that has ended meanwhile does not count.
  ///
  /// Meanwhile they stand still where that is possible: what is forked behind our back would not get it.
  public func signalAll(_ signal: Signal) throws(Failure) {
    if signal == .kill { return try kill() }
    let wasFrozen = isFrozen
    if !wasFrozen { try? freeze() }
    defer { if !wasFrozen { try? thaw() } }
    for pid in try processes() {
      try step("cgroup: signal process " + String(pid)) { () throws(SystemError) in
        do throws(SystemError) {
          try signalProcess(pid, signal.number)
        } catch {
          if error.errno != .noSuchProcess { throw error }
        }
      }
    }
  }

  /// Kills every process in the cgroup and below; frozen ones too. They may still be ending on return.
  ///
  /// By cgroup.kill (Linux 5.14), from which no fork escapes. Without it a frozen cgroup is signalled, as often as it
  /// takes: what cannot run cannot fork.
  public func kill() throws(Failure) {
    guard let leading else { return }
    if leading.kind == .v2 {
      do throws(SystemError) {
        try openFile(leading.directory + "/cgroup.kill", .writeOnly).write("1")
        release()
        return
      } catch {
        // Not there: an older kernel, or the cgroup is gone – systemd removes that of a scope whose last process has ended.
        if !Processes.isGone(error) {
          throw Failure("cgroup: write \"1\" to " + leading.directory + "/cgroup.kill", error)
        }
      }
    }
    for _ in 0..<32 {
      let pids = try processes()
      if pids.isEmpty { return }
      // Best effort: a cgroup without a freezer is killed all the same.
      try? freeze()
      for pid in try processes() { try? signalProcess(pid, Signal.kill.number) }
      release()
      if try Processes.waitForEnd(of: pids, milliseconds: 50) { continue }
    }
  }
}

enum Processes {
  /// Reads cgroup.procs of the directory and, on request, of those below.
  static func collect(_ path: String, _ recursive: Bool, _ found: inout [Int32]) throws(SystemError) {
    do {
      try collect(in: try Directory(path: path), recursive, &found)
    } catch {
      if !isGone(error) { throw error }
    }
  }

  private static func collect(in directory: borrowing Directory, _ recursive: Bool, _ found: inout [Int32])
    throws(SystemError)
  {
    parse(try directory.read("cgroup.procs"), &found)
    guard recursive else { return }
    for name in try directory.directoryNames() {
      do {
        try collect(in: try directory.directory(name), true, &found)
      } catch {
        if !isGone(error) { throw error }
      }
    }
  }

  /// The directory was removed meanwhile (ENODEV: while a file of it was open), or is threaded (EOPNOTSUPP): its
  /// processes are listed further up.
  static func isGone(_ error: SystemError) -> Bool {
    error.errno == .noSuchFileOrDirectory || error.errno == .noSuchDevice
      || error.errno == .notSupported
  }

  /// One pid a line. 0 stands for a process that this pid namespace cannot see.
  static func parse(_ bytes: [UInt8], _ found: inout [Int32]) {
    var value: Int32 = 0
    for byte in bytes {
      if byte == UInt8(ascii: "\n") {
        if value > 0 { found.append(value) }
        value = 0
      } else if byte >= 48 && byte <= 57 {
        value = value &* 10 &+ Int32(byte - 48)
      }
    }
  }

  /// Waits until all have ended, at most so long altogether. `false`: time is up.
  static func waitForEnd(of pids: [Int32], milliseconds: Int64) throws(Failure) -> Bool {
    let deadline = Clock.monotonicMilliseconds() + milliseconds
    for pid in pids {
      // A process that cannot be opened is gone.
      guard let process = try? PIDFD(pid) else { continue }
      let left = max(0, deadline - Clock.monotonicMilliseconds())
      let ended = try step("cgroup: wait for process " + String(pid)) { () throws(SystemError) in
        try process.waitForEnd(milliseconds: Int32(left))
      }
      if !ended { return false }
    }
    return true
  }
}

/// Where a process is in the hierarchy of one controller.
public struct CgroupPosition: Equatable, Sendable {
  /// Such as `memory` or `name=systemd`; empty for cgroup v2.
  public let controller: String
  /// As the hierarchy counts it.
  public let path: String

  /// All those of the process, one for each controller.
  public static func all(of pid: Int32) throws(Failure) -> [CgroupPosition] {
    let hierarchies = try step("cgroup") { () throws(SystemError) in try CgroupLayout.position(of: pid) }
    var positions: [CgroupPosition] = []
    for (controllers, path) in hierarchies {
      if controllers.isEmpty { positions.append(CgroupPosition(controller: "", path: path)) }
      for controller in controllers.split(separator: ",") {
        positions.append(CgroupPosition(controller: String(controller), path: path))
      }
    }
    return positions
  }
}

import CTestSupport
import Foundation

/// The processes this test program has started, and those it has inherited.
///
/// Engines make themselves the reaper of what a runtime leaves behind; so do the tests. Reaping must not take the status
/// of a command that another test waits for: starting and reaping exclude each other.
final class Children: @unchecked Sendable {
  static let shared = Children()

  private let lock = NSLock()
  private var started: Set<pid_t> = []

  private init() {
    ct_become_subreaper()
  }

  /// Starts a program.
  ///
  /// - Parameters:
  ///   - descriptors: what the program gets as its descriptors 0, 1, 2, …; it gets no others.
  ///   - session: whether it leads a session of its own, so that it has no controlling terminal.
  func start(
    _ arguments: [String], environment: [String], directory: String?, descriptors: [Int32], session: Bool = false
  ) throws -> pid_t {
    // Out of the way first: a source must not be overwritten before its turn.
    let sources = try descriptors.map { number in
      let copy = fcntl(number, F_DUPFD_CLOEXEC, 200)
      if copy < 0 { throw TestError.system("fcntl \(number)") }
      return copy
    }
    defer { sources.forEach { close($0) } }
    let argv = arguments.map { strdup($0) } + [nil]
    let envp = environment.map { strdup($0) } + [nil]
    defer { (argv + envp).forEach { free($0) } }
    lock.lock()
    defer { lock.unlock() }
    var pid: pid_t = 0
    let error = ct_spawn(&pid, argv, envp, directory, sources, Int32(sources.count), session ? 1 : 0)
    if error != 0 { throw TestError("\(arguments[0]): " + String(cString: strerror(error))) }
    started.insert(pid)
    return pid
  }

  /// Whether the process has ended, and with which status: its own, or 128 + N when signal N ended it.
  func status(of pid: pid_t) -> Int32? {
    lock.lock()
    defer { lock.unlock() }
    var status: Int32 = 0
    guard waitpid(pid, &status, WNOHANG) == pid else { return nil }
    started.remove(pid)
    return status & 0x7f == 0 ? status >> 8 & 0xff : 128 + status & 0x7f
  }

  /// Reaps a process that was inherited; an engine does this when it is told that the container has ended.
  func reapOrphans() {
    lock.lock()
    defer { lock.unlock() }
    for pid in Processes.children() where !started.contains(pid) {
      var status: Int32 = 0
      waitpid(pid, &status, WNOHANG)
    }
  }
}

/// What /proc tells of processes.
enum Processes {
  /// The children of this program.
  static func children() -> [pid_t] {
    Files.names("/proc/self/task").flatMap { thread in
      ((try? Files.read("/proc/self/task/\(thread)/children")) ?? "").split(separator: " ").compactMap { pid_t($0) }
    }
  }

  /// The processes that have `marker` in their environment, or in that they were started with.
  static func marked(_ marker: String) -> [pid_t] {
    Files.names("/proc").compactMap { pid_t($0) }.filter { pid in
      pid != getpid() && ((try? Files.read("/proc/\(pid)/environ"))?.contains(marker) ?? false)
    }
  }

  /// The letter of its state, proc_pid_stat(5); `nil`: there is no such process.
  static func state(_ pid: Int) -> Character? {
    guard let stat = try? Files.read("/proc/\(pid)/stat"), let end = stat.lastIndex(of: ")") else { return nil }
    return stat[end...].dropFirst(2).first
  }

  /// Whether it runs, sleeps or is stopped: all but being a zombie, or gone.
  static func isAlive(_ pid: Int) -> Bool { state(pid).map { !"ZX".contains($0) } ?? false }

  /// The line `NAME:` of /proc/PID/status.
  static func status(_ pid: Int, _ name: String) -> String? {
    let lines = (try? Files.read("/proc/\(pid)/status"))?.split(separator: "\n") ?? []
    return lines.first { $0.hasPrefix(name + ":") }?.dropFirst(name.count + 1).trimmingCharacters(in: .whitespaces)
  }

  /// Which namespace of that kind it is in: `net:[4026531840]`.
  static func namespace(_ pid: Int, _ kind: String) -> String? { Files.link("/proc/\(pid)/ns/\(kind)") }
}

/// Waits until something is true, for at most `seconds`: many, since a machine that is busy is no reason to fail.
///
/// - Returns: whether it became true.
func waitUntil(seconds: Double = 60, _ condition: () throws -> Bool) rethrows -> Bool {
  let deadline = ContinuousClock.now + .seconds(seconds)
  while true {
    if try condition() { return true }
    if ContinuousClock.now > deadline { return false }
    usleep(1000)
  }
}

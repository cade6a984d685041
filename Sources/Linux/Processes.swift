import CLinux

/// How a process ended (wait(2)).
public enum ExitStatus: Equatable, Sendable {
  case exited(Int32)
  case signaled(Int32)

  /// The number a shell reports: the exit code, or 128 plus the signal.
  public var code: Int32 {
    switch self {
    case .exited(let code): return code
    case .signaled(let signal): return 128 + signal
    }
  }

  init(_ raw: Int32) {
    self = clx_status_signaled(raw) != 0 ? .signaled(clx_status_signal(raw)) : .exited(clx_status_code(raw))
  }
}

/// What the kernel says of a process in /proc/PID/stat (proc(5)).
public struct ProcessStatus: Equatable, Sendable {
  /// One letter: R, S, D, Z, T …
  public let state: UInt8
  public let parent: Int32
  /// Whether it has become another program since it was made (PF_FORKNOEXEC of linux/sched.h).
  public let hasExecuted: Bool
  /// Clock ticks since boot at which the process started: with the pid, a name that is never used twice.
  public let startTime: UInt64
  /// Whether it is on its way out and has given its memory back (PF_EXITING). The first process of a pid namespace stays like
  /// that until everybody in there is reaped, also those whose parents are outside (pid_namespaces(7)).
  public let isLeaving: Bool
  /// How it ended, while nobody has reaped it and if we may know (ptrace(2), "access mode checking").
  public private(set) var exitStatus: ExitStatus?

  /// Zombies and dead processes count as ended: nothing of them runs any more.
  public var hasEnded: Bool { ProcessStatus.hasEnded(state) }

  private static func hasEnded(_ state: UInt8) -> Bool {
    state == UInt8(ascii: "Z") || state == UInt8(ascii: "X") || state == UInt8(ascii: "x")
  }

  /// Reads the status of `pid`; `nil` when there is no such process. Not to be able to tell is an error: whoever asks
  /// goes on to signal the process, or to remove what it lives in.
  public static func of(_ pid: Int32) throws(SystemError) -> ProcessStatus? {
    try of(pid) { (path) throws(SystemError) in try openFile("/proc/" + path) }
  }

  /// The same, from a /proc that is open.
  public static func of(_ pid: Int32, in proc: borrowing Directory) throws(SystemError) -> ProcessStatus? {
    try of(pid) { (path) throws(SystemError) in try proc.open(path, .readOnly) }
  }

  private static func of(_ pid: Int32, _ open: (String) throws(SystemError) -> Descriptor) throws(SystemError)
    -> ProcessStatus?
  {
    guard pid > 0 else { return nil }
    let path = String(pid) + "/stat"
    do {
      return ProcessStatus(parsing: try open(path).read(upTo: 1024))
    } catch {
      if error.errno == .noSuchFileOrDirectory || error.errno == .noSuchProcess { return nil }
      throw SystemError(call: error.call, subject: "/proc/" + path, errno: error.errno)
    }
  }

  /// `pid (comm) state ppid …`: comm may hold blanks and parentheses, so fields count from the last `)`. In one pass, and no further
  /// than need be: `list` reads one for every container.
  init?(parsing bytes: [UInt8]) {
    // comm has at most 64 bytes, and behind it there is none.
    guard let close = bytes.prefix(96).lastIndex(of: UInt8(ascii: ")")), close + 2 < bytes.count else { return nil }
    let state = bytes[close + 2]
    var (parent, flags, start, memory): (UInt64?, UInt64?, UInt64?, UInt64?)
    var code: UInt64?
    // The numbers of the manual page.
    var number = 3
    // Of what is negative nothing is looked at.
    var value: UInt64 = 0
    for byte in bytes[(close + 2)...] {
      guard byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\n") else {
        value = value &* 10 &+ UInt64(byte &- UInt8(ascii: "0"))
        continue
      }
      switch number {
      case 4: parent = value
      case 9: flags = value
      case 22: start = value
      case 23: memory = value
      case 52: code = value
      default: break
      }
      if number == 23 && !ProcessStatus.hasEnded(state) { break }
      number += 1
      value = 0
    }
    guard let parent, let flags, let start, let memory else { return nil }
    self.state = state
    self.parent = Int32(truncatingIfNeeded: parent)
    hasExecuted = flags & 0x40 == 0
    startTime = start
    isLeaving = flags & 0x4 != 0 && memory == 0
    // In the form of wait(2).
    if hasEnded, let code { exitStatus = ExitStatus(Int32(truncatingIfNeeded: code)) }
  }
}

/// The processes that `pid` and its children have made and that have not left them, as far as /proc tells.
public func descendants(of pid: Int32) -> [Int32] {
  let tasks = "/proc/" + String(pid) + "/task"
  var found: [Int32] = []
  for task in (try? Directory(path: tasks).names()) ?? [] {
    guard let bytes = try? readFile(tasks + "/" + task + "/children") else { continue }
    for word in bytes.split(separator: UInt8(ascii: " ")) {
      guard let child = decimal(word).flatMap({ Int32(exactly: $0) }) else { continue }
      found += [child] + descendants(of: child)
    }
  }
  return found
}

/// A process held by descriptor: the name cannot come to mean another process. See pidfd_open(2), Linux 5.3.
public struct PIDFD: ~Copyable {
  public let descriptor: Descriptor

  public init(_ pid: Int32) throws(SystemError) {
    descriptor = Descriptor(taking: try check("pidfd_open", on: String(pid), clx_pidfd_open(pid)))
  }

  /// Sends a signal. See pidfd_send_signal(2).
  public func signal(_ number: Int32) throws(SystemError) {
    try check("pidfd_send_signal", clx_pidfd_send_signal(descriptor.number, number))
  }

  /// How the process ended, once it was reaped: the kernel remembers it for whoever had the process open before (PIDFD_GET_INFO,
  /// Linux 6.15). `nil`: it was not, or the kernel is older.
  public var exitStatus: ExitStatus? {
    var raw: Int32 = 0
    return unsafe clx_pidfd_exit_status(descriptor.number, &raw) < 0 ? nil : ExitStatus(raw)
  }

  /// Waits until the process has ended, at most so many milliseconds (-1: as long as it takes). `false`: it still runs.
  public func waitForEnd(milliseconds: Int32) throws(SystemError) -> Bool {
    try poll([Polled(descriptor.number, .readable)], milliseconds: milliseconds)[0].isReady
  }
}

/// The calling process.
public enum CurrentProcess {
  public static var pid: Int32 { clx_getpid() }
  public static var effectiveUID: UInt32 { clx_geteuid() }
  public static var effectiveGID: UInt32 { clx_getegid() }

  /// Asks for a signal when the parent dies (`nil`: no longer). See prctl(2), PR_SET_PDEATHSIG.
  public static func setParentDeathSignal(_ signal: Int32?) throws(SystemError) {
    try check("prctl", on: "PR_SET_PDEATHSIG", clx_prctl(PR_SET_PDEATHSIG, UInt(signal ?? 0), 0, 0, 0))
  }

  /// Whether others may look into this process (ptrace, /proc/PID/exe, /proc/PID/fd). See prctl(2), PR_SET_DUMPABLE.
  public static func setDumpable(_ on: Bool) throws(SystemError) {
    try check("prctl", on: "PR_SET_DUMPABLE", clx_prctl(PR_SET_DUMPABLE, on ? 1 : 0, 0, 0, 0))
  }

  /// Orphaned descendants become our children. See prctl(2), PR_SET_CHILD_SUBREAPER.
  public static func setChildSubreaper() throws(SystemError) {
    try check("prctl", on: "PR_SET_CHILD_SUBREAPER", clx_prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))
  }

  /// execve(2) grants no privileges from now on. See prctl(2), PR_SET_NO_NEW_PRIVS.
  public static func setNoNewPrivileges() throws(SystemError) {
    try check("prctl", on: "PR_SET_NO_NEW_PRIVS", clx_prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
  }

  /// Names the process in ps(1), 15 bytes. See prctl(2), PR_SET_NAME.
  public static func setName(_ name: String) {
    _ = unsafe name.withCString { clx_prctl(PR_SET_NAME, UInt(bitPattern: $0), 0, 0, 0) }
  }

  /// Makes a new session of which this process is the leader. See setsid(2).
  public static func startSession() throws(SystemError) { try check("setsid", clx_setsid()) }

  public static func setHostname(_ name: String) throws(SystemError) {
    try check("sethostname", on: name, unsafe clx_sethostname(name, name.utf8.count))
  }

  public static func setDomainname(_ name: String) throws(SystemError) {
    try check("setdomainname", on: name, unsafe clx_setdomainname(name, name.utf8.count))
  }

  /// Sets the file mode creation mask and returns the old one. See umask(2).
  @discardableResult
  public static func setUmask(_ mask: UInt32) -> UInt32 { clx_umask(mask) }

  /// Changes a resource limit; `UInt64.max` is no limit. See getrlimit(2).
  public static func setLimit(_ resource: Int32, soft: UInt64, hard: UInt64) throws(SystemError) {
    try check("setrlimit", clx_prlimit(resource, soft, hard))
  }

  /// The hard resource limit. See getrlimit(2).
  public static func hardLimit(_ resource: Int32) throws(SystemError) -> UInt64 {
    var (soft, hard) = (UInt64(0), UInt64(0))
    try check("getrlimit", unsafe clx_prlimit_get(resource, &soft, &hard))
    return hard
  }

  public static func changeDirectory(_ path: String) throws(SystemError) {
    try check("chdir", on: path, unsafe clx_chdir(path))
  }

  public static func changeDirectory(_ directory: borrowing Descriptor) throws(SystemError) {
    try check("fchdir", clx_fchdir(directory.number))
  }

  /// Makes the current directory the root. See chroot(2).
  public static func changeRootToCurrentDirectory() throws(SystemError) {
    try check("chroot", on: ".", unsafe clx_chroot("."))
    try changeDirectory("/")
  }

  /// Replaces the program; returns only by throwing. See execve(2).
  public static func execute(_ path: String, _ arguments: [String], environment: [String]) throws(SystemError) {
    let result = unsafe withCStrings(arguments) { argv in
      unsafe withCStrings(environment) { envp in unsafe clx_execve(path, argv, envp) }
    }
    try check("execve", on: path, result)
  }

  /// Ends the process at once: no destructor and no `atexit` handler of the parent's copy runs in a child.
  public static func exit(_ status: Int32) -> Never { clx_exit(status) }
}

/// Passes when the calling process, with its effective ids, may execute the file: a regular one with permission.
///
/// Fails as execve(2) would, except that a directory is `EISDIR`.
public func checkExecutable(_ path: String) throws(SystemError) {
  let status = try fileStatus(path)
  if status.isDirectory { throw SystemError(call: "execve", subject: path, errno: .isDirectory) }
  guard status.isRegular else { throw SystemError(call: "execve", subject: path, errno: .permissionDenied) }
  // AT_EACCESS: with the effective ids; root, too, needs one execute bit.
  try check("faccessat2", on: path, unsafe clx_faccessat(Int32(CLX_AT_FDCWD), path, X_OK, 0x200))
}

/// A NULL-terminated vector of C strings in one allocation.
private func withCStrings<R>(_ strings: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> R) -> R {
  var bytes: [UInt8] = []
  bytes.reserveCapacity(strings.reduce(0) { $0 + $1.utf8.count + 1 })
  var offsets: [Int] = []
  offsets.reserveCapacity(strings.count)
  for string in strings {
    offsets.append(bytes.count)
    bytes.append(contentsOf: string.utf8)
    bytes.append(0)
  }
  return unsafe bytes.withUnsafeMutableBytes { buffer in
    let base = unsafe buffer.baseAddress?.assumingMemoryBound(to: CChar.self)
    var vector: [UnsafeMutablePointer<CChar>?] = unsafe offsets.map { unsafe base! + $0 }
    unsafe vector.append(nil)
    return unsafe vector.withUnsafeBufferPointer { unsafe body($0.baseAddress!) }
  }
}

/// Signals by process id: for children of ours, which cannot be replaced before we reap them.
public func signalProcess(_ pid: Int32, _ signal: Int32) throws(SystemError) {
  try check("kill", on: String(pid), clx_kill(pid, signal))
}

/// Waits for a child to end. See waitpid(2).
public func waitForChild(_ pid: Int32) throws(SystemError) -> ExitStatus {
  var raw: Int32 = 0
  while true {
    let result = unsafe clx_waitpid(pid, &raw, 0x4000_0000 /* __WALL */)
    if result == -EINTR { continue }
    try check("waitpid", on: String(pid), result)
    return ExitStatus(raw)
  }
}

/// Reaps any child that has ended, without waiting; `nil` when none has.
public func reapAnyChild() -> (pid: Int32, status: ExitStatus)? {
  var raw: Int32 = 0
  let result = unsafe clx_waitpid(-1, &raw, WNOHANG | 0x4000_0000)
  return result > 0 ? (result, ExitStatus(raw)) : nil
}

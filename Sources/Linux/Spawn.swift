import CLinux

/// Runs a program, found in `PATH`, with our environment and standard input, and returns what it wrote to its standard
/// output.
///
/// - Parameter withErrors: its standard error is part of the output, and not ours.
public func capture(_ program: String, _ arguments: [String], withErrors: Bool = false) throws(SystemError) -> (
  status: ExitStatus, output: [UInt8]
) {
  let path = try findProgram(program)
  let environment = try processEnvironment()
  let pipe = try Descriptor.pipe()
  let reader = Descriptor(taking: pipe.reader)
  let writer = Descriptor(taking: pipe.writer)
  guard case .parent(let pid) = try clone(into: []) else {
    do {
      try writer.install(as: 1)
      if withErrors { try writer.install(as: 2) }
      try Descriptor.closeOnExec(from: 3)
      SignalReader.reset()
      try CurrentProcess.execute(path, [program] + arguments, environment: environment)
    } catch {
      try? StandardStream.error.write(Array((error.description + "\n").utf8))
    }
    // As a shell does for what it cannot run.
    CurrentProcess.exit(126)
  }
  // The end of file comes when the program, the last to hold the other end, has closed it.
  _ = consume writer
  let output = try reader.readAll()
  return (try waitForChild(pid), output)
}

/// Starts a program with our environment and no descriptors besides those that are named.
///
/// - Parameters:
///   - path: the file, as ``findProgram(_:)`` finds it.
///   - descriptors: what the program has as 0, 1, 2 and so on.
///   - namespaces: made with the process.
///   - cgroup: see ``clone(into:cgroup:sibling:)``.
///   - prepare: runs in the process, before it becomes the program.
/// - Returns: the pid of the process, a child of ours that runs the program.
public func spawn(
  _ path: String, _ arguments: [String], descriptors: [Int32], into namespaces: NamespaceFlags = [],
  cgroup: Int32 = -1, prepare: () throws(Failure) -> Void = {}
) throws(Failure) -> Int32 {
  try startChild(into: namespaces, cgroup: cgroup) { () throws(Failure) in
    try prepare()
    try step(path) { () throws(SystemError) in
      let environment = try processEnvironment()
      let count = Int32(descriptors.count)
      // Out of the way first: a number may be the place of another.
      var copies: [Int32] = []
      for number in descriptors {
        copies.append(
          try withBorrowed(number) { (file) throws(SystemError) in try file.duplicate(lowest: count).release() })
      }
      for (place, copy) in copies.enumerated() { try Descriptor(taking: copy).install(as: Int32(place)) }
      try Descriptor.closeOnExec(from: count)
      SignalReader.reset()
      try CurrentProcess.execute(path, arguments, environment: environment)
    }
  }
}

/// Does the work in a child process, in new namespaces that go with it; what it throws is thrown here.
public func inChild(_ namespaces: NamespaceFlags, _ work: () throws(Failure) -> Void) throws(Failure) {
  let pid = try startChild(into: namespaces, cgroup: -1, work)
  let status = try step("child process") { () throws(SystemError) in try waitForChild(pid) }
  if status != .exited(0) { throw Failure("child process: killed while it worked") }
}

/// Makes a child process, and waits until it has become another program or has done its work.
private func startChild(into namespaces: NamespaceFlags, cgroup: Int32, _ work: () throws(Failure) -> Void)
  throws(Failure) -> Int32
{
  let pipe = try step("child process") { () throws(SystemError) in try Descriptor.pipe() }
  let reader = Descriptor(taking: pipe.reader)
  let low = Descriptor(taking: pipe.writer)
  // Where no descriptor of a program's is put in its place.
  let writer = try step("child process") { () throws(SystemError) in try low.duplicate(lowest: 64) }
  _ = consume low
  let cloned = try step("child process") { () throws(SystemError) in try clone(into: namespaces, cgroup: cgroup) }
  guard case .parent(let pid) = cloned else {
    do {
      try work()
    } catch {
      // The reason first, as one byte: 0 where there is none.
      try? writer.write([UInt8(truncatingIfNeeded: error.errno?.rawValue ?? 0)] + Array(error.message.utf8))
      CurrentProcess.exit(1)
    }
    CurrentProcess.exit(0)
  }
  // The end of file comes with execve(2), or with the end of the process.
  _ = consume writer
  let said = try step("child process") { () throws(SystemError) in try reader.readAll() }
  if said.isEmpty { return pid }
  _ = try? waitForChild(pid)
  throw Failure(
    String(decoding: said.dropFirst(), as: UTF8.self), errno: said[0] == 0 ? nil : Errno(rawValue: Int32(said[0])))
}

/// The file that execvp(3) would run.
public func findProgram(_ name: String) throws(SystemError) -> String {
  if name.utf8.contains(UInt8(ascii: "/")) { return name }
  let path = Environment["PATH"] ?? "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
  for directory in path.split(separator: ":") {
    let file = String(directory) + "/" + name
    if (try? checkExecutable(file)) != nil { return file }
  }
  throw SystemError(call: "execve", subject: name, errno: .noSuchFileOrDirectory)
}

/// The variables this process was started with, as `NAME=VALUE` (environ(7)).
private func processEnvironment() throws(SystemError) -> [String] {
  try openFile("/proc/self/environ").readAll().split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
}

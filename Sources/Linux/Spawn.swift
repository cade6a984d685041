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

/// The file that execvp(3) would run.
private func findProgram(_ name: String) throws(SystemError) -> String {
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

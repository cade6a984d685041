import Foundation

/// How a command ended.
struct Outcome: CustomStringConvertible {
  /// The exit status; 128 + N when signal N ended it.
  var status: Int32
  var output: String
  var errors: String

  /// The output without the line end.
  var line: String { output.trimmingCharacters(in: .newlines) }
  var lines: [String] { output.split(separator: "\n").map(String.init) }
  var description: String { "status \(status), output \"\(output)\", errors \"\(errors)\"" }
}

/// A running command, whose output goes to files: whoever inherits them keeps nobody waiting.
final class Command {
  let pid: pid_t
  private let output: Int32
  private let errors: Int32
  private var status: Int32?

  /// - Parameters:
  ///   - input: descriptor; -1: /dev/null.
  ///   - descriptors: what the command gets from 3 on.
  ///   - terminal: what it gets as standard input, output and error, in a session of its own.
  init(
    _ arguments: [String], environment: [String] = [], directory: String? = nil, input: Int32 = -1,
    descriptors: [Int32] = [], terminal: Int32? = nil
  ) throws {
    output = try Scratch.file()
    errors = try Scratch.file()
    let null = try Files.open("/dev/null", O_RDONLY)
    defer { close(null) }
    let standard = terminal.map { [$0, $0, $0] } ?? [input >= 0 ? input : null, output, errors]
    pid = try Children.shared.start(
      arguments, environment: environment, directory: directory, descriptors: standard + descriptors,
      session: terminal != nil)
  }

  deinit {
    if status == nil {
      kill(pid, SIGKILL)
      _ = waitUntil { Children.shared.status(of: pid) != nil }
    }
    close(output)
    close(errors)
  }

  /// Everything that was written until now, also by processes that were left behind.
  var outputSoFar: String { get throws { try Command.contents(output) } }

  var hasEnded: Bool {
    status = status ?? Children.shared.status(of: pid)
    return status != nil
  }

  /// Waits until the command has ended; kills it, and fails, when that takes too long.
  func finish(seconds: Double = 120) throws -> Outcome {
    let ended = waitUntil(seconds: seconds) { hasEnded }
    guard ended, let status else { throw TestError("process \(pid) did not end within \(seconds) seconds") }
    return Outcome(status: status, output: try Command.contents(output), errors: try Command.contents(errors))
  }

  /// Read by position: the offset belongs to the writers.
  private static func contents(_ descriptor: Int32) throws -> String {
    var bytes: [UInt8] = []
    var part = [UInt8](repeating: 0, count: 65536)
    while true {
      let count = pread(descriptor, &part, part.count, off_t(bytes.count))
      if count < 0 { throw TestError.system("pread") }
      if count == 0 { return String(decoding: bytes, as: UTF8.self) }
      bytes += part.prefix(count)
    }
  }
}

/// Runs a program of the host and waits for it.
@discardableResult
func host(_ arguments: String...) throws -> Outcome {
  try Command(arguments, environment: ["PATH=\(Machine.path)"]).finish()
}

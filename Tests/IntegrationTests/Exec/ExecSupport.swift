import Foundation
import Testing

extension Integration {
  /// Further processes in a container.
  @Suite struct Exec {}
}

extension Bundle {
  /// A container that waits, for others to join.
  func launchSleeper(terminals: Bool = false, sourceLocation: SourceLocation = #_sourceLocation) throws {
    if terminals {
      mount("/dev", type: "tmpfs", from: "tmpfs", "mode=755")
      mount("/dev/pts", type: "devpts", from: "devpts", "newinstance", "ptmxmode=0666", "mode=0620")
    }
    try launch("sleep", "1000", sourceLocation: sourceLocation)
  }

  /// `exec`, whatever comes of it.
  func exec(
    _ flags: [String] = [], _ command: String..., input: Int32 = -1, descriptors: [Int32] = []
  ) throws -> Outcome {
    try begin(["exec"] + flags + [id] + command, input: input, descriptors: descriptors).finish()
  }

  /// `exec` of a script, which has to succeed; what it printed, without the last line end.
  func execOutput(_ flags: [String] = [], of script: String, sourceLocation: SourceLocation = #_sourceLocation) throws
    -> String
  {
    let outcome = try exec(flags, "sh", "-c", script)
    try #require(outcome.status == 0, "\(outcome)", sourceLocation: sourceLocation)
    return outcome.line
  }

  /// `exec --detach`, which has to succeed; the pid that it wrote down.
  func execDetached(_ flags: [String] = [], _ command: String..., sourceLocation: SourceLocation = #_sourceLocation)
    throws -> Int
  {
    let file = workspace + "/pid"
    let outcome = try begin(["exec", "--detach", "--pid-file", file] + flags + [id] + command).finish()
    try #require(outcome.status == 0, "\(outcome)", sourceLocation: sourceLocation)
    return try #require(Int(try Files.read(file)), sourceLocation: sourceLocation)
  }

  /// `exec` with a document that differs from the container's process in what `change` does.
  ///
  /// - Parameter asInput: it comes on standard input.
  func execDocument(_ flags: [String] = [], asInput: Bool = false, _ change: (inout JSON) -> Void) throws -> Outcome {
    var process = config["process"]
    change(&process)
    let path = workspace + "/process.json"
    try Files.write(process.serialized, to: path)
    let input = asInput ? try Files.open(path, O_RDONLY) : -1
    defer { if asInput { close(input) } }
    return try begin(["exec", "--process", asInput ? "-" : path] + flags + [id], input: input).finish()
  }

  /// Whether an `exec` was refused as the contract asks: exit status 255 and one line on standard error that says why.
  func expectExecRefused(
    _ outcome: Outcome, _ words: [String], sourceLocation: SourceLocation = #_sourceLocation
  ) {
    expectError(outcome, of: "exec", status: 255, sourceLocation: sourceLocation)
    for word in words { #expect(outcome.errors.contains(word), "\(outcome)", sourceLocation: sourceLocation) }
  }
}

import Foundation
import Testing

/// Runs every bundle of `spec-examples/` and compares what it prints with its file `expected`.
/// `RUNTIME` in the environment names another runtime than `bin/apus`.
@Suite(.enabled(if: geteuid() == 0, "making containers without a user namespace needs root"))
struct SpecExamplesTests {
  static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "spec-examples")

  /// Empty, and so a test that does not pass, only if the folder cannot be read.
  static let names = ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []).filter {
    FileManager.default.fileExists(atPath: folder.appending(path: "\($0)/config.json").path)
      || FileManager.default.fileExists(atPath: folder.appending(path: "\($0)/expected").path)
  }.sorted()

  @Test func thereAreExamples() {
    #expect(Self.names.count >= 9)
  }

  @Test(arguments: names)
  func anExamplePrintsWhatItPromises(_ name: String) throws {
    let check = Process()
    check.executableURL = Self.folder.appending(path: "check")
    check.arguments = [name]
    check.standardInput = FileHandle.nullDevice
    let output = Pipe()
    check.standardOutput = output
    check.standardError = output
    try check.run()
    let text = String(decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
    check.waitUntilExit()
    #expect(check.terminationStatus == 0, "\(text)")
  }
}

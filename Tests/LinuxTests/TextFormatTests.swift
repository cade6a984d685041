import Testing

@testable import Linux

@Suite struct TextFormatTests {
  @Test(arguments: [
    ("", ""), ("one", "one"), ("one\n", "one"), ("one\ntwo\n", "two"), ("one\ntwo\nhal", "two"), ("\n", ""),
    ("one\n\n", ""),
  ])
  func theLastLineIsTheLastOneThatWasFinished(_ file: String, _ line: String) {
    #expect(lastWholeLine(of: Array(file.utf8)) == Array(line.utf8))
  }
}

import JSON
import Testing

@Test(arguments: [
  ("", "test.json:1:1: the document is empty"),
  (" \n\t ", "test.json:1:1: the document is empty"),
  ("{]", "test.json:1:2: invalid object key (must be a string)"),
  ("{", "test.json:1:2: unexpected end of the document; the object opened in line 1 is not closed"),
  ("{\n \"a\": [\n1,", "test.json:3:3: unexpected end of the document; the array opened in line 2 is not closed"),
  ("{\"a\": \"x", "test.json:1:9: unexpected end of the document; the object opened in line 1 is not closed"),
  ("{} {}", "test.json:1:4: trailing garbage"),
  ("{}x", "test.json:1:3: trailing garbage"),
  ("{\"a\" 1}", "test.json:1:6: object key and value must be separated by a colon (':')"),
  ("{\n\"a\": 1\n\"bcd\": 2}", "test.json:3:1: after key and value, inside map, I expect ',' or '}'"),
  ("[1 20]", "test.json:1:4: after array element, I expect ',' or ']'"),
  ("{\"a\": nul}", "test.json:1:7: invalid string in json text."),
  ("{\"a\": 01}", "test.json:1:8: after key and value, inside map, I expect ',' or '}'"),
  ("{\"a\": tru}", "test.json:1:7: invalid string in json text."),
  ("// x\n{}", "test.json:1:1: probable comment found in input text, comments are not enabled."),
  ("{\"a\": 1,}", "test.json:1:9: invalid object key (must be a string)"),
  ("{\"a\": \"x\ny\"}", "test.json:1:7: invalid character inside string."),
  ("\u{FEFF}{}", "test.json:1:1: the document starts with a byte order mark; remove it"),
  ("{\"a\": \"\\ud800\"}", "test.json:1:8: half of a surrogate pair in a string"),
  ("{\"a\": \"x\\udc00\"}", "test.json:1:9: half of a surrogate pair in a string"),
  ("{\"a\": \"\\ud800\\u0041\"}", "test.json:1:8: half of a surrogate pair in a string"),
])
func badSyntaxIsOneErrorWithItsPlace(text: String, expected: String) {
  #expect(complaint(about: text) == expected)
}

@Test(
  arguments: [
    [0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xE2, 0x82], [0x80],
  ] as [[UInt8]])
func textThatIsNotUTF8IsRefused(bytes: [UInt8]) {
  let text = Array("{\n\"k\": \"é".utf8) + bytes + Array("\"}".utf8)
  #expect(complaint(about: text) == "test.json:2:8: not valid UTF-8")
}

@Test(arguments: [1, 16, 17, 18, 5000])
func aDuplicateKeyIsRefused(count: Int) {
  let members = (0..<count).map { #""key\#($0)": \#($0)"# }.joined(separator: ",\n")
  #expect(complaint(about: "{\(members)}") == nil)
  let duplicate = "{\"outer\": [{\n\(members),\n\"k\\u0065y0\": 1}]}"
  #expect(
    complaint(about: duplicate)
      == "test.json:\(count + 2):1: outer[0].key0: duplicate key; the first one is in line 2")
}

@Test func theSameKeyInDifferentObjectsIsNoDuplicate() {
  #expect(complaint(about: #"{"a": {"a": [{"a": 1}, {"a": 2}]}, "b": {"a": 1}}"#) == nil)
}

@Test func nestingEndsAtItsLimit() {
  func nested(_ depth: Int) -> String {
    String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
  }
  #expect(complaint(about: nested(JSON.Document.deepestNesting)) == nil)
  let path = String(repeating: "[0]", count: JSON.Document.deepestNesting)
  #expect(
    complaint(about: nested(JSON.Document.deepestNesting + 1))
      == "test.json:1:129: \(path): nested more than 128 levels deep")
}

@Test func aNestingBombIsRefusedAtOnce() {
  let bomb = [UInt8](repeating: UInt8(ascii: "["), count: 10_000_000)
  #expect(complaint(about: bomb)?.hasSuffix("nested more than 128 levels deep") == true)
}

@Test func tenMegabytesAreRead() throws {
  var text = Array(#"{"list": ["#.utf8)
  let element = Array(#"{"name": "an entry of the list", "value": "and some more text to fill it"}, "#.utf8)
  while text.count < 10_000_000 { text += element }
  text += Array(#"{"name": "last"}], "after": 7}"#.utf8)
  let object = try JSON.Document(text, file: "test.json").root.object()
  #expect(try object.integer("after", as: Int.self) == 7)
  let clock = ContinuousClock()
  // Whatever stands before a member is skipped in one step.
  let time = try clock.measure { for _ in 0..<1000 { _ = try object.integer("after", as: Int.self) } }
  #expect(time < .seconds(1))
}

@Test func anyOutermostValueIsADocument() throws {
  for text in ["1", "-12", "\"x\"", "true", "null", "[]", " {} "] { #expect(complaint(about: text) == nil) }
  #expect(try JSON.Document(Array("-12".utf8), file: "").root.integer(as: Int.self) == -12)
  #expect(throws: JSON.Error.self) { try JSON.Document(Array("1".utf8), file: "").root.object() }
}

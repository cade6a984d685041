import JSON
import Testing

/// The outermost object of `text`.
func read(_ text: String, file: String = "test.json") throws(JSON.Error) -> JSON.Object {
  try JSON.Document(Array(text.utf8), file: file).root.object()
}

/// What is said about a document that has no outermost value or a bad one.
func complaint(about text: [UInt8]) -> String? {
  do throws(JSON.Error) {
    _ = try JSON.Document(text, file: "test.json")
    return nil
  } catch {
    return error.description
  }
}

func complaint(about text: String) -> String? { complaint(about: Array(text.utf8)) }

/// What `body` says about the object `text`.
func complaint(about text: String, _ body: (JSON.Object) throws(JSON.Error) -> Void) -> String? {
  do throws(JSON.Error) {
    try body(read(text))
    return nil
  } catch {
    return error.description
  }
}

@Test func valuesAreReadByName() throws {
  let object = try read(
    """
    {"text": "a\\u00e9\\n\\ud83d\\ude00é", "unknown": {"deep": [1, [2], {"x": 3}]}, "flag": true, "no": false,
     "list": ["a", "", "b\\"c"], "number": -12, "numbers": [1, 2, 3], "null": null, "ke\\u0079": "escaped key",
     "inner": {"text": "inside"}, "inners": [{"text": "one"}, {"text": "two"}], "empty": {}, "none": []}
    """)
  #expect(try object.string("text") == "aé\n😀é")
  #expect(try object.bool("flag"))
  #expect(try !object.bool("no"))
  #expect(try object.strings("list") == ["a", "", "b\"c"])
  #expect(try object.integer("number", as: Int8.self) == -12)
  #expect(try object.integers("numbers", as: UInt32.self) == [1, 2, 3])
  #expect(try object.string("key") == "escaped key")
  #expect(try object.object("inner").string("text") == "inside")
  #expect(
    try object.objects("inners") { inner throws(JSON.Error) in try inner.string("text") } == ["one", "two"])
  #expect(Array(try object.object("empty").members).isEmpty)
  #expect(try object.strings("none").isEmpty)
}

@Test func nullIsAbsent() throws {
  let object = try read(#"{"a": null, "b": {"x": null, "y": "z"}}"#)
  #expect(object["a"].isAbsent)
  #expect(try object.optionalString("a") == nil)
  #expect(try object.optionalInteger("a", as: Int.self) == nil)
  #expect(try object.optionalBool("a") == nil)
  #expect(try object.optionalObject("a").isAbsent)
  #expect(try object.strings("a").isEmpty)
  #expect(try object.object("b").members.map { $0.key } == ["y"])
  #expect(complaint(about: #"{"a": null}"#) { object throws(JSON.Error) in _ = try object.string("a") } != nil)
}

@Test func membersKeepTheirOrder() throws {
  let object = try read(#"{"z": 1, "a": {"q": [5]}, "m": 3}"#)
  #expect(object.members.map { $0.key } == ["z", "a", "m"])
}

/// The outermost object of `text`, as far as the key "end".
private func readToTheEnd(_ text: String) throws(JSON.Error) -> JSON.Object {
  try JSON.Document(Array(text.utf8), file: "test.json", before: "end").root.object()
}

@Test func readingCanEndBeforeAKey() throws {
  // Neither a key further down nor a value is meant; what follows is not looked at.
  let object = try readToTheEnd(#"{"a": {"end": 1}, "b": ["end", 2], "c": "end", "end": [1, 2, "a": }"#)
  #expect(object.members.map { $0.key } == ["a", "b", "c"])
  #expect(try object.object("a").integer("end", as: Int.self) == 1)
  #expect(try object.array("b") { value throws(JSON.Error) in value.isNull } == [false, false])
  #expect(Array(try readToTheEnd(#"{"end": 1, "a": 2}"#).members).isEmpty)
  #expect(try readToTheEnd(#"{"a": 1, "e\u006ed": 2, "b": 3}"#).members.map { $0.key } == ["a"])
  // Without it, all is as ever.
  #expect(try readToTheEnd(#"{"a": 1, "b": 2}"#).members.map { $0.key } == ["a", "b"])
  #expect(throws: JSON.Error.self) { try readToTheEnd(#"{"a": 1, "b": }"#) }
}

@Test func anEmptyStringCanCountAsAbsent() throws {
  let object = try read(#"{"a": "", "b": "x"}"#)
  #expect(try object.nonEmptyString("a") == nil)
  #expect(try object.nonEmptyString("b") == "x")
  #expect(try object.optionalString("a") == "")
}

extension Optional {
  var isAbsent: Bool { if case .none = self { true } else { false } }
}

// MARK: - Errors

@Test(arguments: [
  (#"{"a": "64M"}"#, #"test.json:1:7: a: expected an integer, found "64M"; write bytes, for example 67108864"#),
  (#"{"a": "64"}"#, #"test.json:1:7: a: expected an integer, found "64"; write it without quotes"#),
  (#"{"a": "many"}"#, #"test.json:1:7: a: expected an integer, found "many""#),
  (#"{"a": 1.0}"#, "test.json:1:7: a: expected an integer, found 1.0; write it without fraction and exponent"),
  (#"{"a": 1e3}"#, "test.json:1:7: a: expected an integer, found 1e3; write it without fraction and exponent"),
  ("{\n\n  \"a\":\n   true}", "test.json:4:4: a: expected an integer, found true"),
  ("{\"é\": 1, \"a\": []}", "test.json:1:15: a: expected an integer, found an array"),
  (#"{"a": {}}"#, "test.json:1:7: a: expected an integer, found an object"),
  (#"{"b": 1}"#, "test.json:1:1: a: required, but missing"),
  (#"{"a": 128}"#, "test.json:1:7: a: 128 is out of range; write a number from -128 to 127"),
  (#"{"a": -129}"#, "test.json:1:7: a: -129 is out of range; write a number from -128 to 127"),
  (
    #"{"a": 99999999999999999999999}"#,
    "test.json:1:7: a: 99999999999999999999999 is out of range; write a number from -128 to 127"
  ),
])
func aWrongIntegerIsNamedWithItsPlace(text: String, expected: String) {
  #expect(
    complaint(about: text) { object throws(JSON.Error) in _ = try object.integer("a", as: Int8.self) } == expected)
}

@Test(arguments: [
  (#"{"a": 5}"#, "test.json:1:7: a: expected a string, found 5; write it in quotes"),
  (#"{"a": [1, {"b": 2}]}"#, "test.json:1:7: a: expected a string, found an array"),
  (#"{"a": "x\u0000y"}"#, "test.json:1:7: a: a NUL character in a string"),
  (#"{ "x": "\"\\", "a": "\u0000"}"#, "test.json:1:21: a: a NUL character in a string"),
])
func aWrongStringIsNamedWithItsPlace(text: String, expected: String) {
  #expect(complaint(about: text) { object throws(JSON.Error) in _ = try object.string("a") } == expected)
}

@Test func aPathLeadsThroughArraysAndOddKeys() {
  let text = #"{"skip": [{"a": [1, 2]}], "list": [[], {"a.b": {"": [0, 1, "x"], "q": 1}}]}"#
  let found = complaint(about: text) { object throws(JSON.Error) in
    for inner in try object["list"]!.elements() {
      guard let inner = try? inner.object() else { continue }
      for (_, value) in inner.members {
        for (_, list) in try value.object().members {
          for element in try list.elements() { _ = try element.integer(as: Int.self) }
        }
      }
    }
  }
  #expect(found == #"test.json:1:60: list[1]["a.b"][""][2]: expected an integer, found "x""#)
}

@Test func aLongValueIsShortenedInTheMessage() throws {
  let text = #"{"a": ""# + String(repeating: "x", count: 100_000) + #""}"#
  let found = try #require(
    complaint(about: text) { object throws(JSON.Error) in _ = try object.bool("a") })
  #expect(found.utf8.count < 200)
  #expect(found.hasPrefix("test.json:1:7: a: expected true or false, found \"xxx"))
}

enum Colour: String, CaseIterable { case red, green }

@Test func anUnknownChoiceListsTheKnownOnes() throws {
  #expect(try read(#"{"c": "green"}"#).choice("c", as: Colour.self) == .green)
  #expect(try read(#"{"c": ""}"#).optionalChoice("c", as: Colour.self) == nil)
  let found = complaint(about: #"{"c": "blue"}"#) { object throws(JSON.Error) in
    _ = try object.choice("c", as: Colour.self)
  }
  #expect(found == #"test.json:1:7: c: unknown value "blue"; write one of red, green"#)
}

@Test func wholeNumbersReachTheEndsOfTheirTypes() throws {
  let object = try read(
    #"{"a": -9223372036854775808, "b": 18446744073709551615, "c": 18446744073709551616, "d": -0, "e": -1}"#)
  #expect(try object.integer("a", as: Int64.self) == .min)
  #expect(try object.integer("b", as: UInt64.self) == .max)
  #expect(try object.integer("d", as: UInt8.self) == 0)
  #expect(throws: JSON.Error.self) { try object.integer("b", as: Int64.self) }
  #expect(throws: JSON.Error.self) { try object.integer("c", as: UInt64.self) }
  #expect(throws: JSON.Error.self) { try object.integer("e", as: UInt64.self) }
  #expect(throws: JSON.Error.self) { try object.integer("a", as: Int32.self) }
}

import JSON
import Testing

struct Point: JSON.Writable {
  var x: Int
  var y: Int64?
  func encode(to writer: inout JSON.Writer) {
    writer.object { json in
      json.member("x", x)
      json.member("y", y)
    }
  }
}

private func sample(_ json: inout JSON.Writer) {
  json.object { json in
    json.member("text", "a\"b\\c\n\t\r\u{1}\u{7F}é😀")
    json.member("absent", String?.none)
    json.member("flag", false)
    json.member("none", [String]())
    json.member("texts", ["x", "y"])
    json.member("points", [Point(x: 1, y: nil), Point(x: -2, y: .min)])
    json.member("big", UInt64.max)
    json.key("odd \"key\"")
    json.array { json in
      json.null()
      json.value(true)
      json.raw(Array("{\"r\":1}".utf8))
      json.array { _ in }
      json.object { _ in }
    }
  }
}

private func written(pretty: Bool) -> String {
  var writer = JSON.Writer(pretty: pretty)
  sample(&writer)
  return String(decoding: writer.bytes, as: UTF8.self)
}

@Test func compactDocumentsHaveNoSpace() {
  #expect(
    written(pretty: false) == #"{"text":"a\"b\\c\n\t\r\u0001\u007fé😀","flag":false,"texts":["x","y"],"#
      + #""points":[{"x":1},{"x":-2,"y":-9223372036854775808}],"big":18446744073709551615,"#
      + #""odd \"key\"":[null,true,{"r":1},[],{}]}"#)
}

@Test func prettyDocumentsAreIndentedByTwoSpaces() {
  #expect(
    written(pretty: true) == #"""
      {
        "text": "a\"b\\c\n\t\r\u0001\u007fé😀",
        "flag": false,
        "texts": [
          "x",
          "y"
        ],
        "points": [
          {
            "x": 1
          },
          {
            "x": -2,
            "y": -9223372036854775808
          }
        ],
        "big": 18446744073709551615,
        "odd \"key\"": [
          null,
          true,
          {"r":1},
          [],
          {}
        ]
      }
      """#)
}

@Test func whatIsWrittenReadsAsItWas() throws {
  for pretty in [true, false] {
    let object = try read(written(pretty: pretty))
    #expect(try object.string("text") == "a\"b\\c\n\t\r\u{1}\u{7F}é😀")
    #expect(try object.integer("big", as: UInt64.self) == .max)
    let points = try object.objects("points") { point throws(JSON.Error) in
      try point.optionalInteger("y", as: Int64.self)
    }
    #expect(points == [nil, .min])
  }
}

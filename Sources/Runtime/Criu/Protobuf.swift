// Protocol Buffers, as much of them as CRIU's messages take (protobuf.dev, "Encoding"). A message is its fields, one after the
// other, in any order. A field is
//
//     varint  number << 3 | form
//     value   by its form: 0 a varint; 2 a length as varint, and as many bytes: a string, or a message; 1 and 5 are eight and four
//             bytes, which is used nowhere here, and passed over
//
// A varint is a number in groups of seven bits, the lowest first, each in a byte whose highest bit says that another follows. A bool is
// 0 or 1; an int32 is extended to 64 bits, so that a negative one takes ten bytes. Fields that nobody knows are passed over: that is
// how the protocol grows.

/// Puts fields one after the other.
struct ProtobufWriter {
  private(set) var bytes: [UInt8] = []

  private mutating func varint(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }

  mutating func number(_ field: UInt64, _ value: UInt64) {
    varint(field << 3)
    varint(value)
  }

  mutating func int32(_ field: UInt64, _ value: Int32) { number(field, UInt64(bitPattern: Int64(value))) }

  mutating func bool(_ field: UInt64, _ value: Bool) { number(field, value ? 1 : 0) }

  mutating func string(_ field: UInt64, _ text: String) {
    varint(field << 3 | 2)
    varint(UInt64(text.utf8.count))
    bytes += text.utf8
  }

  mutating func message(_ field: UInt64, _ fields: (inout ProtobufWriter) -> Void) {
    var inner = ProtobufWriter()
    fields(&inner)
    varint(field << 3 | 2)
    varint(UInt64(inner.bytes.count))
    bytes += inner.bytes
  }
}

/// A message of a peer that breaks the rules of the encoding.
struct ProtobufMalformed: Error {}

/// Takes fields from a message; every step stays inside it.
struct ProtobufReader {
  private var rest: ArraySlice<UInt8>

  init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

  /// A field: `number` for the forms with a number, `bytes` for a string or message, both empty for others.
  struct Field {
    var field: UInt64
    var number: UInt64 = 0
    var bytes: ArraySlice<UInt8> = []

    var bool: Bool { number != 0 }
    var int32: Int32 { Int32(truncatingIfNeeded: number) }
    var string: String { String(decoding: bytes, as: UTF8.self) }
  }

  /// The next field; `nil` at the end of the message.
  mutating func next() throws(ProtobufMalformed) -> Field? {
    if rest.isEmpty { return nil }
    let key = try varint()
    var field = Field(field: key >> 3)
    if field.field == 0 { throw ProtobufMalformed() }
    switch key & 7 {
    case 0: field.number = try varint()
    case 1: _ = try take(8)
    case 2: field.bytes = try take(try varint())
    case 5: _ = try take(4)
    default: throw ProtobufMalformed()
    }
    return field
  }

  private mutating func varint() throws(ProtobufMalformed) -> UInt64 {
    var value: UInt64 = 0
    // Ten bytes at most; bits beyond the 64th are lost, as the specification has it.
    for shift in stride(from: UInt64(0), to: 70, by: 7) {
      guard let byte = rest.popFirst() else { throw ProtobufMalformed() }
      value |= UInt64(byte & 0x7f) << shift
      if byte < 0x80 { return value }
    }
    throw ProtobufMalformed()
  }

  private mutating func take(_ count: UInt64) throws(ProtobufMalformed) -> ArraySlice<UInt8> {
    guard count <= UInt64(rest.count) else { throw ProtobufMalformed() }
    let taken = rest.prefix(Int(count))
    rest = rest.dropFirst(Int(count))
    return taken
  }
}

import Linux

// A client of D-Bus, as much of it as calling systemd takes (D-Bus Specification 0.42). A message is
//
//     byte    endianness: `l` little, `B` big
//     byte    kind: 1 call, 2 return, 3 error, 4 signal
//     byte    flags
//     byte    protocol version: 1
//     uint32  bytes of the body
//     uint32  serial number of the sender, not 0
//     array   of (byte field, variant): path 1, interface 2, member 3, error 4, reply to 5, destination 6, sender 7,
//             signature of the body 8
//     …       zeros up to a multiple of 8
//     body    the arguments
//
// Values are aligned to their size counted from the message's first byte, structures to 8. A string is its length as uint32, its
// bytes and a zero; a signature has one byte of length. An array is its length in bytes as uint32, zeros up to the alignment of its
// elements (not counted), and the elements. A variant is a signature of one type and a value of it.

/// A value to be sent: of the types that properties of units have.
enum DBusValue: Equatable {
  case bool(Bool)
  case byte(UInt8)
  case int16(Int16)
  case uint16(UInt16)
  case int32(Int32)
  case uint32(UInt32)
  case int64(Int64)
  case uint64(UInt64)
  case string(String)
  case objectPath(String)
  case bytes([UInt8])
  case numbers([UInt32])
  case strings([String])
  /// Pairs of strings, one after the other.
  case pairs([String])

  var signature: String {
    switch self {
    case .bool: return "b"
    case .byte: return "y"
    case .int16: return "n"
    case .uint16: return "q"
    case .int32: return "i"
    case .uint32: return "u"
    case .int64: return "x"
    case .uint64: return "t"
    case .string: return "s"
    case .objectPath: return "o"
    case .bytes: return "ay"
    case .numbers: return "au"
    case .strings: return "as"
    case .pairs: return "a(ss)"
    }
  }
}

/// Puts values one after the other, little-endian.
struct DBusWriter {
  private(set) var bytes: [UInt8] = []

  mutating func align(_ size: Int) {
    while bytes.count % size != 0 { bytes.append(0) }
  }

  mutating func byte(_ value: UInt8) { bytes.append(value) }

  mutating func integer<T: FixedWidthInteger>(_ value: T) {
    align(T.bitWidth / 8)
    for shift in 0..<(T.bitWidth / 8) { bytes.append(UInt8(truncatingIfNeeded: value >> T(shift * 8))) }
  }

  mutating func string(_ text: String) {
    integer(UInt32(text.utf8.count))
    bytes += text.utf8
    bytes.append(0)
  }

  mutating func signature(_ text: String) {
    bytes.append(UInt8(text.utf8.count))
    bytes += text.utf8
    bytes.append(0)
  }

  /// - Parameter alignment: of the elements.
  mutating func array(alignment: Int, _ elements: (inout DBusWriter) -> Void) {
    integer(UInt32(0))
    let place = bytes.count - 4
    align(alignment)
    let start = bytes.count
    elements(&self)
    let size = UInt32(bytes.count - start)
    for shift in 0..<4 { bytes[place + shift] = UInt8(truncatingIfNeeded: size >> UInt32(shift * 8)) }
  }

  mutating func variant(_ value: DBusValue) {
    signature(value.signature)
    self.value(value)
  }

  mutating func value(_ value: DBusValue) {
    switch value {
    case .bool(let value): integer(UInt32(value ? 1 : 0))
    case .byte(let value): byte(value)
    case .int16(let value): integer(value)
    case .uint16(let value): integer(value)
    case .int32(let value): integer(value)
    case .uint32(let value): integer(value)
    case .int64(let value): integer(value)
    case .uint64(let value): integer(value)
    case .string(let text), .objectPath(let text): string(text)
    case .bytes(let values): array(alignment: 1) { writer in for value in values { writer.byte(value) } }
    case .numbers(let values): array(alignment: 4) { writer in for value in values { writer.integer(value) } }
    case .strings(let values): array(alignment: 4) { writer in for value in values { writer.string(value) } }
    case .pairs(let values):
      array(alignment: 8) { writer in
        for (index, value) in values.enumerated() {
          if index % 2 == 0 { writer.align(8) }
          writer.string(value)
        }
      }
    }
  }
}

/// A message of a peer that breaks the rules of the protocol.
struct DBusMalformed: Error {}

/// Takes values from a message; every step stays inside it.
struct DBusReader {
  private let bytes: [UInt8]
  private let isBigEndian: Bool
  private(set) var offset: Int

  init(_ bytes: [UInt8], at offset: Int = 0, isBigEndian: Bool = false) {
    self.bytes = bytes
    self.offset = offset
    self.isBigEndian = isBigEndian
  }

  var isAtEnd: Bool { offset >= bytes.count }

  mutating func align(_ size: Int) throws(DBusMalformed) {
    offset = (offset + size - 1) / size * size
    if offset > bytes.count { throw DBusMalformed() }
  }

  mutating func byte() throws(DBusMalformed) -> UInt8 {
    guard offset < bytes.count else { throw DBusMalformed() }
    defer { offset += 1 }
    return bytes[offset]
  }

  mutating func integer() throws(DBusMalformed) -> UInt32 {
    try align(4)
    var value: UInt32 = 0
    for shift in 0..<4 { value |= UInt32(try byte()) << UInt32(isBigEndian ? 24 - shift * 8 : shift * 8) }
    return value
  }

  mutating func string() throws(DBusMalformed) -> String { try text(Int(try integer())) }

  mutating func signature() throws(DBusMalformed) -> String { try text(Int(try byte())) }

  private mutating func text(_ count: Int) throws(DBusMalformed) -> String {
    guard count < bytes.count - offset, bytes[offset + count] == 0 else { throw DBusMalformed() }
    defer { offset += count + 1 }
    return String(decoding: bytes[offset..<(offset + count)], as: UTF8.self)
  }

  /// Passes over a value of one basic type, which is all that header fields have.
  mutating func skip(_ type: String) throws(DBusMalformed) {
    switch type {
    case "y": _ = try byte()
    case "b", "i", "u", "h": _ = try integer()
    case "s", "o": _ = try string()
    case "g": _ = try signature()
    case "n", "q", "x", "t", "d":
      let size = type == "n" || type == "q" ? 2 : 8
      try align(size)
      for _ in 0..<size { _ = try byte() }
    default: throw DBusMalformed()
    }
  }
}

/// A message, as far as it matters to a caller.
struct DBusMessage: Equatable {
  enum Kind: UInt8 { case call = 1, methodReturn, error, signal }

  var kind: Kind
  var serial: UInt32
  var path = ""
  var interface = ""
  var member = ""
  var error = ""
  var replyTo: UInt32 = 0
  var destination = ""
  var signature = ""
  /// All of the message: alignment counts from its start.
  private var bytes: [UInt8] = []
  private var bodyOffset = 0
  private var isBigEndian = false

  /// More than systemd ever says to us; the protocol allows 128 MiB.
  static let maximumSize = 1 << 20

  init(_ kind: Kind, serial: UInt32) {
    self.kind = kind
    self.serial = serial
  }

  /// The arguments.
  var body: DBusReader { DBusReader(bytes, at: bodyOffset, isBigEndian: isBigEndian) }

  // MARK: reading

  /// How long the message that begins with these bytes is; `nil`: too few of them to tell.
  static func size(_ bytes: [UInt8]) throws(DBusMalformed) -> Int? {
    if bytes.count < 16 { return nil }
    guard bytes[0] == UInt8(ascii: "l") || bytes[0] == UInt8(ascii: "B"), bytes[3] == 1 else { throw DBusMalformed() }
    var reader = DBusReader(bytes, at: 4, isBigEndian: bytes[0] == UInt8(ascii: "B"))
    let body = Int(try reader.integer())
    _ = try reader.integer()
    let fields = Int(try reader.integer())
    guard body <= maximumSize, fields <= maximumSize else { throw DBusMalformed() }
    return (16 + fields + 7) / 8 * 8 + body
  }

  /// - Parameter bytes: one whole message.
  init(_ bytes: [UInt8]) throws(DBusMalformed) {
    guard let size = try DBusMessage.size(bytes), size == bytes.count, let kind = Kind(rawValue: bytes[1]) else {
      throw DBusMalformed()
    }
    self.kind = kind
    self.bytes = bytes
    isBigEndian = bytes[0] == UInt8(ascii: "B")
    var reader = DBusReader(bytes, at: 8, isBigEndian: isBigEndian)
    serial = try reader.integer()
    let end = Int(try reader.integer()) + 16
    while reader.offset < end {
      try reader.align(8)
      let field = try reader.byte()
      let type = try reader.signature()
      switch (field, type) {
      case (1, "o"): path = try reader.string()
      case (2, "s"): interface = try reader.string()
      case (3, "s"): member = try reader.string()
      case (4, "s"): error = try reader.string()
      case (5, "u"): replyTo = try reader.integer()
      case (6, "s"): destination = try reader.string()
      case (8, "g"): signature = try reader.signature()
      default: try reader.skip(type)
      }
    }
    guard reader.offset == end else { throw DBusMalformed() }
    try reader.align(8)
    bodyOffset = reader.offset
  }

  // MARK: writing

  /// The message on the wire.
  ///
  /// - Parameter body: puts the arguments, which ``signature`` describes; it starts at a multiple of 8.
  func encoded(_ body: (inout DBusWriter) -> Void = { _ in }) -> [UInt8] {
    var content = DBusWriter()
    body(&content)
    var writer = DBusWriter()
    for byte in [UInt8(ascii: "l"), kind.rawValue, 0, 1] { writer.byte(byte) }
    writer.integer(UInt32(content.bytes.count))
    writer.integer(serial)
    writer.array(alignment: 8) { writer in
      func field(_ number: UInt8, _ type: String, _ value: String) {
        if value.isEmpty { return }
        writer.align(8)
        writer.byte(number)
        writer.signature(type)
        if type == "g" { writer.signature(value) } else { writer.string(value) }
      }
      field(1, "o", path)
      field(2, "s", interface)
      field(3, "s", member)
      field(4, "s", error)
      if replyTo != 0 {
        writer.align(8)
        writer.byte(5)
        writer.variant(.uint32(replyTo))
      }
      field(6, "s", destination)
      field(8, "g", signature)
    }
    writer.align(8)
    return writer.bytes + content.bytes
  }
}

/// A connection to a bus, or straight to a service that speaks D-Bus; everything on it ends at one deadline.
struct DBusConnection: ~Copyable {
  /// The socket.
  let path: String
  private let stream: TimedStream
  private var received: [UInt8] = []
  private var serial: UInt32 = 0

  /// Connects and authenticates as the user that the kernel says we are (SASL's EXTERNAL, with an empty identity: right in
  /// every user namespace).
  ///
  /// What is to be said waits until that is answered: systemd reads what comes in one piece with `BEGIN`, and looks at it only when
  /// more arrives.
  static func open(_ path: String, milliseconds: Int64) throws(Failure) -> DBusConnection {
    let stream = try step("systemd") { () throws(SystemError) in
      try TimedStream(connecting: path, milliseconds: milliseconds)
    }
    var connection = DBusConnection(path, stream)
    try connection.send(Array("\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n".utf8))
    try connection.awaitAuthentication()
    return connection
  }

  private init(_ path: String, _ stream: consuming TimedStream) {
    self.path = path
    self.stream = stream
  }

  private func send(_ bytes: [UInt8]) throws(Failure) {
    do throws(SystemError) {
      try stream.send(bytes)
    } catch {
      throw failed(error)
    }
  }

  private func failed(_ error: SystemError) -> Failure {
    let hint = error.errno == .timedOut ? "it did not answer in time: is systemd busy, or stuck?" : nil
    return Failure(
      "systemd: " + path, SystemError(call: error.call, subject: "", errno: error.errno), hint: hint)
  }

  private var confused: Failure { Failure("systemd: " + path + ": the answer is not D-Bus") }

  private mutating func receive() throws(Failure) {
    do throws(SystemError) {
      let more = try stream.receive(upTo: 16384)
      if more.isEmpty { throw SystemError(call: "read", subject: "", errno: .connectionReset) }
      received += more
    } catch {
      throw failed(error)
    }
  }

  /// Reads the answer to the authentication: `DATA` asks for more, `OK` lets us in.
  private mutating func awaitAuthentication() throws(Failure) {
    while true {
      guard let end = received.firstIndex(of: UInt8(ascii: "\n")) else {
        if received.count > 4096 { throw confused }
        try receive()
        continue
      }
      let line = String(decoding: received[..<end], as: UTF8.self)
      received.removeSubrange(...end)
      if line.hasPrefix("OK") { return }
      if line.hasPrefix("REJECTED") {
        throw Failure("systemd: " + path + ": does not let this user in", errno: .permissionDenied)
      }
      guard line.hasPrefix("DATA") else { throw confused }
    }
  }

  /// Sends a method call.
  ///
  /// - Returns: the number to which ``DBusMessage/replyTo`` of the answer refers.
  mutating func call(
    _ destination: String, _ path: String, _ interface: String, _ member: String, _ signature: String = "",
    _ body: (inout DBusWriter) -> Void = { _ in }
  ) throws(Failure) -> UInt32 {
    serial += 1
    var message = DBusMessage(.call, serial: serial)
    message.path = path
    message.interface = interface
    message.member = member
    message.destination = destination
    message.signature = signature
    try send(message.encoded(body))
    return serial
  }

  /// The next message, whatever it is.
  mutating func next() throws(Failure) -> DBusMessage {
    while true {
      if let message = try take() { return message }
      try receive()
    }
  }

  private mutating func take() throws(Failure) -> DBusMessage? {
    do throws(DBusMalformed) {
      guard let size = try DBusMessage.size(received), received.count >= size else { return nil }
      let message = try DBusMessage(Array(received[..<size]))
      received.removeSubrange(..<size)
      return message
    } catch {
      throw confused
    }
  }
}

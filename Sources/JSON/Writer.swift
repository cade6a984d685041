/// Something that can be written as one JSON value.
public protocol Writable {
  func encode(to writer: inout Writer)
}

/// Writes JSON into a buffer, compactly or with two spaces of indentation a level.
public struct Writer {
  /// What has been written.
  public private(set) var bytes: [UInt8] = []
  private let isPretty: Bool
  private var depth = 0
  /// Whether the container that is being written is still empty.
  private var isFirst = true
  /// Whether a key has been written and its value has not.
  private var isAfterKey = false

  public init(pretty: Bool = false) {
    isPretty = pretty
  }

  /// The document of one value.
  @inlinable
  public static func encode(_ value: some Writable, pretty: Bool = false) -> [UInt8] {
    var writer = Writer(pretty: pretty)
    value.encode(to: &writer)
    return writer.bytes
  }

  /// Writes an object; `body` writes its members.
  @inlinable
  public mutating func object(_ body: (inout Writer) -> Void) {
    open(UInt8(ascii: "{"))
    body(&self)
    close(UInt8(ascii: "}"))
  }

  /// Writes an array; `body` writes its values.
  @inlinable
  public mutating func array(_ body: (inout Writer) -> Void) {
    open(UInt8(ascii: "["))
    body(&self)
    close(UInt8(ascii: "]"))
  }

  /// Writes the key of the next value.
  public mutating func key(_ key: String) {
    separate()
    quote(key)
    bytes.append(UInt8(ascii: ":"))
    if isPretty { bytes.append(UInt8(ascii: " ")) }
    isAfterKey = true
  }

  public mutating func value(_ text: String) {
    separate()
    quote(text)
  }

  public mutating func value(_ flag: Bool) {
    separate()
    bytes.append(contentsOf: flag ? "true".utf8 : "false".utf8)
  }

  @inlinable
  public mutating func value(_ number: some FixedWidthInteger) {
    integer(isNegative: number < 0, magnitude: UInt64(number.magnitude))
  }

  public mutating func null() {
    separate()
    bytes.append(contentsOf: "null".utf8)
  }

  /// Writes a value that is JSON already, as it is.
  public mutating func raw(_ json: [UInt8]) {
    separate()
    bytes.append(contentsOf: json)
  }
}

// MARK: - Punctuation and text

extension Writer {
  @usableFromInline
  mutating func open(_ bracket: UInt8) {
    separate()
    bytes.append(bracket)
    depth += 1
    isFirst = true
  }

  @usableFromInline
  mutating func close(_ bracket: UInt8) {
    depth -= 1
    if !isFirst { indent() }
    bytes.append(bracket)
    isFirst = false
  }

  /// Writes what stands between the previous value and the next.
  private mutating func separate() {
    if isAfterKey {
      isAfterKey = false
      return
    }
    if depth > 0 {
      if !isFirst { bytes.append(UInt8(ascii: ",")) }
      indent()
    }
    isFirst = false
  }

  private mutating func indent() {
    guard isPretty else { return }
    bytes.append(UInt8(ascii: "\n"))
    for _ in 0..<2 * depth { bytes.append(UInt8(ascii: " ")) }
  }

  @usableFromInline
  mutating func integer(isNegative: Bool, magnitude: UInt64) {
    separate()
    if isNegative { bytes.append(UInt8(ascii: "-")) }
    let start = bytes.count
    var rest = magnitude
    repeat {
      bytes.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10))
      rest /= 10
    } while rest > 0
    bytes[start...].reverse()
  }

  /// Writes the key of the next value: a literal that needs no escapes.
  public mutating func key(literal key: StaticString) {
    separate()
    bytes.append(UInt8(ascii: "\""))
    unsafe bytes.append(contentsOf: UnsafeBufferPointer(start: key.utf8Start, count: key.utf8CodeUnitCount))
    bytes.append(UInt8(ascii: "\""))
    bytes.append(UInt8(ascii: ":"))
    if isPretty { bytes.append(UInt8(ascii: " ")) }
    isAfterKey = true
  }

  private mutating func quote(_ text: String) {
    bytes.append(UInt8(ascii: "\""))
    let span = text.utf8Span.span
    var isPlain = true
    for index in span.indices where Writer.needsEscape(span[index]) { isPlain = false }
    if isPlain {
      bytes.append(contentsOf: text.utf8)
    } else {
      for byte in text.utf8 { escape(byte) }
    }
    bytes.append(UInt8(ascii: "\""))
  }

  private static func needsEscape(_ byte: UInt8) -> Bool {
    byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") || byte == 0x7F
  }

  private mutating func escape(_ byte: UInt8) {
    guard Writer.needsEscape(byte) else { return bytes.append(byte) }
    bytes.append(UInt8(ascii: "\\"))
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes.append(byte)
    case UInt8(ascii: "\n"): bytes.append(UInt8(ascii: "n"))
    case UInt8(ascii: "\t"): bytes.append(UInt8(ascii: "t"))
    case UInt8(ascii: "\r"): bytes.append(UInt8(ascii: "r"))
    default:
      bytes.append(contentsOf: byte < 0x10 ? "u000".utf8 : "u00".utf8)
      bytes.append(contentsOf: String(byte, radix: 16).utf8)
    }
  }
}

// MARK: - Members

/// What is nil or an empty array is left out.
extension Writer {
  public mutating func member(_ key: StaticString, _ text: String?) {
    guard let text else { return }
    self.key(literal: key)
    value(text)
  }

  public mutating func member(_ key: StaticString, _ flag: Bool?) {
    guard let flag else { return }
    self.key(literal: key)
    value(flag)
  }

  @inlinable
  public mutating func member<T: FixedWidthInteger>(_ key: StaticString, _ number: T?) {
    guard let number else { return }
    self.key(literal: key)
    value(number)
  }

  @inlinable
  public mutating func member<T: RawRepresentable<String>>(_ key: StaticString, _ choice: T?) {
    member(key, choice?.rawValue)
  }

  @inlinable
  public mutating func member<T: Writable>(_ key: StaticString, _ content: T?) {
    guard let content else { return }
    self.key(literal: key)
    content.encode(to: &self)
  }

  public mutating func member(_ key: StaticString, _ texts: [String]) {
    member(key, texts) { writer, text in writer.value(text) }
  }

  @inlinable
  public mutating func member<T: FixedWidthInteger>(_ key: StaticString, _ numbers: [T]) {
    member(key, numbers) { writer, number in writer.value(number) }
  }

  @inlinable
  public mutating func member<T: RawRepresentable<String>>(_ key: StaticString, _ choices: [T]) {
    member(key, choices) { writer, choice in writer.value(choice.rawValue) }
  }

  @inlinable
  public mutating func member<T: Writable>(_ key: StaticString, _ contents: [T]) {
    member(key, contents) { writer, content in content.encode(to: &writer) }
  }

  /// An array of which `write` writes each element.
  @inlinable
  public mutating func member<T>(_ key: StaticString, _ items: [T], _ write: (inout Writer, T) -> Void) {
    if items.isEmpty { return }
    self.key(literal: key)
    array { writer in
      for item in items { write(&writer, item) }
    }
  }
}

/// A value of a document; what it is shows when it is read as something.
public struct Value {
  let document: Document
  let index: Int

  private var node: Node { document.tape.nodes[index] }

  public var isNull: Bool { node.kind == .null }
  public var isArray: Bool { node.kind == .array }

  /// The text of a string, its escapes resolved. A NUL, which no system call could take, is an error.
  public func string() throws(Error) -> String {
    switch node.kind {
    case .string: return document.string(of: index)
    case .escapedString:
      // Only an escape can put a NUL into a string.
      if document.tape.bytes(of: index).contains(0) {
        return try document.recover(error("a NUL character in a string"), with: "")
      }
      return document.string(of: index)
    default: return try document.recover(mismatch("a string"), with: "")
    }
  }

  /// `true` or `false`.
  public func bool() throws(Error) -> Bool {
    switch node.kind {
    case .true: return true
    case .false: return false
    default: return try document.recover(mismatch("true or false"), with: false)
    }
  }

  /// The value as an object.
  public func object() throws(Error) -> Object {
    guard node.kind == .object else { return try document.recover(mismatch("an object"), with: Object.nothing) }
    return Object(document: document, index: index)
  }

  /// The elements of an array.
  public func elements() throws(Error) -> Elements {
    guard node.kind == .array else { return try document.recover(mismatch("an array"), with: Elements.nothing) }
    return Elements(document: document, container: index)
  }

  /// The strings of an array.
  public func strings() throws(Error) -> [String] {
    let elements = try elements()
    var strings: [String] = []
    strings.reserveCapacity(elements.underestimatedCount)
    for element in elements { strings.append(try element.string()) }
    return strings
  }

  /// One of the raw values of `T`.
  @inlinable
  public func choice<T: RawRepresentable<String> & CaseIterable>(as type: T.Type = T.self) throws(Error) -> T {
    let name = try string()
    if let value = T(rawValue: name) { return value }
    let error = unknown(name, allowed: T.allCases.map { $0.rawValue })
    guard let first = T.allCases.first else { throw error }
    return try recover(error, with: first)
  }

  @usableFromInline
  func unknown(_ name: String, allowed: [String]) -> Error {
    error("unknown value " + name.quoted, hint: "write one of " + allowed.joined(separator: ", "))
  }

  /// An error about this value, for rules that a type cannot express.
  public func error(_ message: String, hint: String? = nil) -> Error {
    document.error(at: index, message, hint: hint)
  }

  func mismatch(_ expected: String) -> Error {
    error("expected " + expected + ", found " + found, hint: hint(for: expected))
  }

  /// The value in a few words.
  private var found: String {
    switch node.kind {
    case .null: "null"
    case .true: "true"
    case .false: "false"
    case .number: String(document.string(of: index).prefix(48))
    case .string, .escapedString, .key, .escapedKey: document.string(of: index).quoted
    case .array: "an array"
    case .object: "an object"
    }
  }

  /// What is usually meant when something else stands there.
  private func hint(for expected: String) -> String? {
    switch (expected, node.kind) {
    case ("an integer", .string): integerHint(document.string(of: index))
    case ("an integer", .number): "write it without fraction and exponent"
    case ("a string", .number): "write it in quotes"
    case ("true or false", .string):
      ["true", "false"].contains(document.string(of: index)) ? "write it without quotes" : nil
    default: nil
    }
  }
}

/// The values of an array.
public struct Elements: Sequence, IteratorProtocol {
  let document: Document
  private var index: Int
  private let end: Int
  public let underestimatedCount: Int

  init(document: Document, container: Int) {
    self.document = document
    index = container + 1
    end = Int(document.tape.nodes[container].link)
    underestimatedCount = Int(document.tape.nodes[container].length)
  }

  public mutating func next() -> Value? {
    guard index < end else { return nil }
    defer { index = document.tape.next(after: index) }
    return Value(document: document, index: index)
  }
}

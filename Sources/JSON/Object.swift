/// A JSON object. Members are found by name; `null` counts as absent, as it does for the engines that write these
/// documents.
public struct Object {
  let document: Document
  let index: Int

  /// The value of `key`, unless it is absent or null.
  public subscript(key: StaticString) -> Value? {
    var member = index + 1
    let end = Int(document.tape.nodes[index].link)
    while member < end {
      if document.tape.key(at: member, is: key) {
        return document.tape.nodes[member + 1].kind == .null ? nil : Value(document: document, index: member + 1)
      }
      member = document.tape.next(after: member + 1)
    }
    return nil
  }

  /// The value of `key`, which must be there.
  public func value(_ key: StaticString) throws(Error) -> Value {
    if let value = self[key] { return value }
    return try document.recover(
      document.error(missing: key.description, in: index, "required, but missing"), with: Value.nothing)
  }

  /// All members in the order of the document, those that are null left out.
  public var members: Members { Members(document: document, container: index) }

  /// An error about this object, for rules that a type cannot express.
  public func error(_ message: String, hint: String? = nil) -> Error {
    document.error(at: index, message, hint: hint)
  }
}

/// The members of an object.
public struct Members: Sequence, IteratorProtocol {
  private let document: Document
  private var index: Int
  private let end: Int
  /// How many members there are, those that are null included.
  public let capacity: Int

  init(document: Document, container: Int) {
    self.document = document
    index = container + 1
    end = Int(document.tape.nodes[container].link)
    capacity = Int(document.tape.nodes[container].length)
  }

  public mutating func next() -> (key: String, value: Value)? {
    while index < end {
      let key = index
      index = document.tape.next(after: key + 1)
      let value = Value(document: document, index: key + 1)
      if !value.isNull { return (document.string(of: key), value) }
    }
    return nil
  }
}

// MARK: - Reading members as something

extension Object {
  public func string(_ key: StaticString) throws(Error) -> String { try value(key).string() }

  public func optionalString(_ key: StaticString) throws(Error) -> String? { try self[key]?.string() }

  /// A string that, empty, says the same as an absent one.
  public func nonEmptyString(_ key: StaticString) throws(Error) -> String? {
    guard let text = try self[key]?.string(), !text.isEmpty else { return nil }
    return text
  }

  /// An array of strings; empty where absent.
  public func strings(_ key: StaticString) throws(Error) -> [String] { try self[key]?.strings() ?? [] }

  public func bool(_ key: StaticString) throws(Error) -> Bool { try value(key).bool() }

  public func optionalBool(_ key: StaticString) throws(Error) -> Bool? { try self[key]?.bool() }

  @inlinable
  public func integer<T: FixedWidthInteger>(_ key: StaticString, as type: T.Type = T.self) throws(Error) -> T {
    try value(key).integer()
  }

  @inlinable
  public func optionalInteger<T: FixedWidthInteger>(_ key: StaticString, as type: T.Type = T.self) throws(Error) -> T? {
    try self[key]?.integer()
  }

  /// An array of integers; empty where absent.
  @inlinable
  public func integers<T: FixedWidthInteger>(_ key: StaticString, as type: T.Type = T.self) throws(Error) -> [T] {
    try array(key) { value throws(Error) in try value.integer() }
  }

  /// One of the raw values of `T`.
  @inlinable
  public func choice<T: RawRepresentable<String> & CaseIterable>(
    _ key: StaticString, as type: T.Type = T.self
  ) throws(Error) -> T {
    try value(key).choice()
  }

  /// One of the raw values of `T`; empty, it counts as absent.
  @inlinable
  public func optionalChoice<T: RawRepresentable<String> & CaseIterable>(
    _ key: StaticString, as type: T.Type = T.self
  ) throws(Error) -> T? {
    if try nonEmptyString(key) == nil { return nil }
    return try self[key]?.choice()
  }

  /// An array of raw values of `T`; empty where absent.
  @inlinable
  public func choices<T: RawRepresentable<String> & CaseIterable>(
    _ key: StaticString, as type: T.Type = T.self
  ) throws(Error) -> [T] {
    try array(key) { value throws(Error) in try value.choice() }
  }

  public func object(_ key: StaticString) throws(Error) -> Object { try value(key).object() }

  public func optionalObject(_ key: StaticString) throws(Error) -> Object? { try self[key]?.object() }

  /// What `make` makes of an object.
  @inlinable
  public func object<T>(_ key: StaticString, _ make: (Object) throws(Error) -> T) throws(Error) -> T {
    try make(object(key))
  }

  /// What `make` makes of an object, where there is one.
  @inlinable
  public func optionalObject<T>(_ key: StaticString, _ make: (Object) throws(Error) -> T) throws(Error) -> T? {
    guard let object = try optionalObject(key) else { return nil }
    return try make(object)
  }

  /// What `make` makes of each object of an array; empty where absent.
  @inlinable
  public func objects<T>(_ key: StaticString, _ make: (Object) throws(Error) -> T) throws(Error) -> [T] {
    try array(key) { value throws(Error) in try make(value.object()) }
  }

  /// What `make` makes of each element of an array; empty where absent.
  @inlinable
  public func array<T>(_ key: StaticString, _ make: (Value) throws(Error) -> T) throws(Error) -> [T] {
    guard let elements = try self[key]?.elements() else { return [] }
    var results: [T] = []
    results.reserveCapacity(elements.underestimatedCount)
    for element in elements { results.append(try make(element)) }
    return results
  }
}

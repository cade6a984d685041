import JSON

/// A JSON object with arbitrary names, in the order of the document.
///
/// Looking a name up is linear: meant for going through, and for a look-up now and then.
///
/// `Value` is unconstrained on purpose: a constraint would make the first use of the type search all conformances of the
/// program, which takes longer than decoding a document.
public struct OrderedMap<Value> {
  /// One name and its value.
  public struct Entry {
    public var key: String
    public var value: Value

    public init(key: String, value: Value) {
      self.key = key
      self.value = value
    }
  }

  /// The entries in the order of the document, without duplicate keys.
  public var entries: [Entry]

  public init(entries: [Entry] = []) {
    self.entries = entries
  }

  public var isEmpty: Bool { entries.isEmpty }
  public var count: Int { entries.count }

  /// The value of `key`; assigning appends, replaces, or with `nil` removes.
  public subscript(key: String) -> Value? {
    get {
      for entry in entries where entry.key == key { return entry.value }
      return nil
    }
    set {
      guard let index = entries.firstIndex(where: { $0.key == key }) else {
        if let newValue { entries.append(Entry(key: key, value: newValue)) }
        return
      }
      if let newValue { entries[index].value = newValue } else { entries.remove(at: index) }
    }
  }
}

extension OrderedMap: Equatable where Value: Equatable {}
extension OrderedMap.Entry: Equatable where Value: Equatable {}
extension OrderedMap: Sendable where Value: Sendable {}
extension OrderedMap.Entry: Sendable where Value: Sendable {}

extension OrderedMap: Sequence {
  public func makeIterator() -> IndexingIterator<[Entry]> { entries.makeIterator() }
}

extension OrderedMap: ExpressibleByDictionaryLiteral {
  public init(dictionaryLiteral elements: (String, Value)...) {
    entries = []
    for (key, value) in elements { self[key] = value }
  }
}

/// Names and texts: annotations, sysctl, unified.
public typealias StringMap = OrderedMap<String>

// MARK: - JSON

extension JSON.Object {
  /// An object with arbitrary names; empty where absent.
  func map<T>(_ key: StaticString, _ make: (JSON.Object) throws(JSON.Error) -> T) throws(JSON.Error) -> OrderedMap<T> {
    guard let object = try optionalObject(key) else { return [:] }
    var map = OrderedMap<T>()
    for (key, value) in object.members { map.entries.append(.init(key: key, value: try make(value.object()))) }
    return map
  }

  /// An object with arbitrary names and texts; empty where absent.
  func stringMap(_ key: StaticString) throws(JSON.Error) -> StringMap {
    guard let object = try optionalObject(key) else { return [:] }
    var map = StringMap()
    map.entries.reserveCapacity(object.members.capacity)
    for (key, value) in object.members { map.entries.append(.init(key: key, value: try value.string())) }
    return map
  }
}

extension JSON.Writer {
  mutating func member<T: JSON.Writable>(_ key: StaticString, _ map: OrderedMap<T>) {
    if map.isEmpty { return }
    self.key(literal: key)
    object { json in
      for entry in map {
        json.key(entry.key)
        entry.value.encode(to: &json)
      }
    }
  }

  mutating func member(_ key: StaticString, _ map: StringMap) {
    if map.isEmpty { return }
    self.key(literal: key)
    object { json in
      for entry in map {
        json.key(entry.key)
        json.value(entry.value)
      }
    }
  }
}

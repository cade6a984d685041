import Foundation

/// A JSON document that a test builds from literals, changes in place, and takes answers apart with.
///
/// Foundation's parser reads the answers: what judges the program's JSON must not be the program's own.
enum JSON: Equatable, Sendable {
  case null
  case bool(Bool)
  case number(Double)
  case string(String)
  case array([JSON])
  case object([String: JSON])
}

extension JSON: ExpressibleByNilLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
  ExpressibleByStringLiteral, ExpressibleByStringInterpolation, ExpressibleByArrayLiteral,
  ExpressibleByDictionaryLiteral
{
  init(nilLiteral: ()) { self = .null }
  init(booleanLiteral value: Bool) { self = .bool(value) }
  init(integerLiteral value: Int) { self = .number(Double(value)) }
  init(stringLiteral value: String) { self = .string(value) }
  init(arrayLiteral elements: JSON...) { self = .array(elements) }
  init(dictionaryLiteral elements: (String, JSON)...) { self = .object(Dictionary(uniqueKeysWithValues: elements)) }

  init(_ strings: [String]) { self = .array(strings.map(JSON.string)) }
  init(_ number: some BinaryInteger) { self = .number(Double(number)) }
}

extension JSON {
  /// The member of an object; setting `nil` removes it, and setting it in a `null` makes that an object.
  subscript(key: String) -> JSON {
    get {
      if case .object(let members) = self { return members[key] ?? .null }
      return .null
    }
    set {
      var members: [String: JSON] = [:]
      if case .object(let present) = self { members = present }
      members[key] = newValue == .null ? nil : newValue
      self = .object(members)
    }
  }

  subscript(index: Int) -> JSON {
    get { elements.indices.contains(index) ? elements[index] : .null }
    set {
      var changed = elements
      changed[index] = newValue
      self = .array(changed)
    }
  }

  /// The elements of an array; empty for anything else.
  var elements: [JSON] {
    if case .array(let elements) = self { return elements }
    return []
  }

  var keys: Set<String> {
    if case .object(let members) = self { return Set(members.keys) }
    return []
  }

  var text: String? {
    if case .string(let text) = self { return text }
    return nil
  }

  var integer: Int? {
    if case .number(let number) = self { return Int(exactly: number) }
    return nil
  }

  /// Adds elements to an array, which is made where there is none.
  mutating func append(_ more: JSON...) { self = .array(elements + more) }
}

extension JSON {
  init(parsing bytes: [UInt8]) throws {
    self.init(any: try JSONSerialization.jsonObject(with: Data(bytes), options: [.fragmentsAllowed]))
  }

  init(parsing text: String) throws { try self.init(parsing: Array(text.utf8)) }

  private init(any value: Any) {
    switch value {
    case let text as String: self = .string(text)
    case let members as [String: Any]: self = .object(members.mapValues(JSON.init(any:)))
    case let elements as [Any]: self = .array(elements.map(JSON.init(any:)))
    case let number as NSNumber:
      // On Linux a boolean is an NSNumber, too; only its Objective-C type tells.
      self = String(cString: number.objCType) == "c" ? .bool(number.boolValue) : .number(number.doubleValue)
    default: self = .null
    }
  }

  /// The document, members sorted.
  var serialized: String {
    switch self {
    case .null: return "null"
    case .bool(let value): return value ? "true" : "false"
    case .number(let value): return Int(exactly: value).map(String.init) ?? String(value)
    case .string(let text): return JSON.quoted(text)
    case .array(let elements): return "[" + elements.map(\.serialized).joined(separator: ",") + "]"
    case .object(let members):
      let sorted = members.sorted { $0.key < $1.key }
      return "{" + sorted.map { JSON.quoted($0.key) + ":" + $0.value.serialized }.joined(separator: ",") + "}"
    }
  }

  private static func quoted(_ text: String) -> String {
    var quoted = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"", "\\": quoted += "\\" + String(scalar)
      case _ where scalar.value < 0x20: quoted += "\\u00" + String(scalar.value + 0x100, radix: 16).dropFirst()
      default: quoted.unicodeScalars.append(scalar)
      }
    }
    return quoted + "\""
  }
}

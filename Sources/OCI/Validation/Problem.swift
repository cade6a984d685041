/// Something in a document that is well-formed but cannot work, or will not do what its author thinks.
public struct Problem: Equatable, Sendable {
  public enum Severity: String, Sendable {
    /// The container cannot be created.
    case error
    /// It can, with a part of the document having no effect.
    case warning
    /// So it is with what engines write in every document: nothing that a person should be told.
    case remark
  }

  public var severity: Severity
  /// The value in question: `mounts[3].destination`.
  public var path: String
  public var message: String
  /// What to write instead.
  public var hint: String?

  public init(_ severity: Severity, _ path: String, _ message: String, hint: String? = nil) {
    self.severity = severity
    self.path = path
    self.message = message
    self.hint = hint
  }
}

extension Problem: CustomStringConvertible {
  /// `process.cwd: must be absolute, found "tmp"; write "/tmp"`
  public var description: String {
    var text = path + ": " + message
    if let hint { text += "; " + hint }
    return text
  }
}

/// Collects problems. Paths are only put together where there is one.
struct Findings {
  private(set) var problems: [Problem] = []

  mutating func error(_ path: String, _ message: String, hint: String? = nil) {
    problems.append(Problem(.error, path, message, hint: hint))
  }

  mutating func warn(_ path: String, _ message: String, hint: String? = nil) {
    problems.append(Problem(.warning, path, message, hint: hint))
  }

  mutating func remark(_ path: String, _ message: String) {
    problems.append(Problem(.remark, path, message))
  }

  /// Requires an absolute path.
  mutating func absolute(_ value: String, _ path: @autoclosure () -> String) {
    if value.isAbsolute { return }
    if value.isEmpty { return error(path(), "must not be empty") }
    error(path(), "must be absolute, found " + value.inQuotes)
  }
}

extension String {
  var isAbsolute: Bool { utf8.first == UInt8(ascii: "/") }

  /// The text in quotes, shortened where it is long.
  var inQuotes: String { "\"" + (utf8.count > 64 ? prefix(48) + "…" : self[...]) + "\"" }

  /// A list of numbers and ranges: `0-3,7`.
  var isNumberList: Bool {
    utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: ","), UInt8(ascii: "-"), UInt8(ascii: " "): true
      default: false
      }
    }
  }
}

/// `mounts[3]`
func element(_ path: String, _ index: Int) -> String { path + "[" + String(index) + "]" }

/// `linux.sysctl["net.ipv4.ip_forward"]`
func member(_ path: String, _ key: String) -> String { path + "[" + key.inQuotes + "]" }

/// What is wrong with a document, and where.
public struct Error: Swift.Error, Equatable {
  /// The name of the document, as its reader gave it.
  public var file: String
  /// The line, from 1.
  public var line: Int
  /// The column in characters, from 1.
  public var column: Int
  /// The value in question: `mounts[3].destination`. Empty for the whole document and for bad syntax.
  public var path: String
  public var message: String
  /// What to write instead.
  public var hint: String?

  /// `config.json:41:18: linux.resources.memory.limit: expected an integer, found "64M"; write bytes, for example 67108864`
  public var description: String {
    var text = file
    if !text.isEmpty { text += ":" }
    text += String(line) + ":" + String(column) + ": "
    if !path.isEmpty { text += path + ": " }
    text += message
    if let hint { text += "; " + hint }
    return text
  }
}

extension Error: CustomStringConvertible {}

extension Document {
  /// An error about the node at `index`.
  func error(at index: Int, _ message: String, hint: String? = nil) -> Error {
    error(position: Int(tape.nodes[index].position), path: path(to: index), message, hint: hint)
  }

  /// An error about something the object at `index` does not have.
  func error(missing key: String, in index: Int, _ message: String) -> Error {
    error(position: Int(tape.nodes[index].position), path: path(to: index).appending(key: key), message)
  }

  func error(position: Int, path: String = "", _ message: String, hint: String? = nil) -> Error {
    let (line, column) = tape.text.lineAndColumn(of: position)
    return Error(file: file, line: line, column: column, path: path, message: message, hint: hint)
  }

  /// The way from the root to the node at `target`. Only errors need it, so it is found by walking the tape.
  private func path(to target: Int) -> String {
    var path = ""
    var container = 0
    while container < target {
      var child = container + 1
      var position = 0
      var key = child
      while true {
        if tape.nodes[child].isKey {
          key = child
          if child == target { return path.appending(key: string(of: key)) }
        } else {
          if target < tape.next(after: child) { break }
          position += 1
        }
        child = tape.next(after: child)
      }
      if tape.nodes[container].kind == .array {
        path += "[" + String(position) + "]"
      } else {
        path = path.appending(key: string(of: key))
      }
      container = child
    }
    return path
  }
}

extension String {
  /// The path of a member: `.name`, or `["na.me"]` where that would be ambiguous.
  func appending(key: String) -> String {
    let plain = key.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
      case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"): true
      default: false
      }
    }
    if !plain || key.isEmpty { return self + "[" + key.quoted + "]" }
    return isEmpty ? key : self + "." + key
  }

  /// The text in quotes on one line, shortened where it is long.
  var quoted: String {
    var writer = Writer()
    let short = prefix(48)
    writer.value(short.count == count ? self : String(short) + "…")
    return String(decoding: writer.bytes, as: UTF8.self)
  }
}

extension [UInt8] {
  /// The line and the column, in characters, of the byte at `offset`; both count from 1.
  func lineAndColumn(of offset: Int) -> (line: Int, column: Int) {
    var line = 1
    var column = 1
    for byte in self[..<Swift.min(offset, count)] {
      if byte == UInt8(ascii: "\n") {
        line += 1
        column = 1
      } else if byte & 0xC0 != 0x80 {  // not the continuation of a character
        column += 1
      }
    }
    return (line, column)
  }
}

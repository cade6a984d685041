/// One entry of a document's tape: a value or a key, in the order of the text. A container is followed by everything in
/// it, so that skipping it is one step.
struct Node {
  enum Kind: UInt8 {
    case null, `false`, `true`, number, string, escapedString, key, escapedKey, array, object
  }

  /// Where the token starts in the text.
  var position: UInt32
  /// Strings, keys and numbers: how many bytes. Containers: how many values.
  var length: UInt32
  /// Containers: the index after the last entry. Escaped strings: where their plain bytes start in `Tape.plain`.
  var link: UInt32
  var kind: Kind

  init(_ kind: Kind, at position: Int, length: Int = 0, link: Int = 0) {
    self.kind = kind
    self.position = UInt32(truncatingIfNeeded: position)
    self.length = UInt32(truncatingIfNeeded: length)
    self.link = UInt32(truncatingIfNeeded: link)
  }

  var isKey: Bool { kind == .key || kind == .escapedKey }
  var isContainer: Bool { kind == .array || kind == .object }
}

/// A document taken apart: the text, its nodes, and the strings that had escapes in them.
struct Tape {
  var text: [UInt8]
  var nodes: [Node] = []
  /// Strings and keys with their escapes resolved; all others are read from `text`.
  var plain: [UInt8] = []

  /// The index of the next sibling of the node at `index`.
  func next(after index: Int) -> Int {
    nodes[index].isContainer ? Int(nodes[index].link) : index + 1
  }

  /// The bytes of a string, a key or a number.
  func bytes(of index: Int) -> ArraySlice<UInt8> {
    let node = nodes[index]
    let length = Int(node.length)
    switch node.kind {
    case .escapedString, .escapedKey: return plain[Int(node.link)..<Int(node.link) + length]
    case .string, .key: return text[Int(node.position) + 1..<Int(node.position) + 1 + length]
    default: return text[Int(node.position)..<Int(node.position) + length]
    }
  }

  /// Whether the key at `index` is `name`.
  func key(at index: Int, is name: StaticString) -> Bool {
    let count = name.utf8CodeUnitCount
    let node = nodes[index]
    guard node.length == count else { return false }
    let start = node.kind == .escapedKey ? Int(node.link) : Int(node.position) + 1
    let source = node.kind == .escapedKey ? plain.span : text.span
    // The literal has `count` bytes.
    let literal = unsafe UnsafeBufferPointer(start: name.utf8Start, count: count)
    for offset in 0..<count where unsafe literal[offset] != source[start + offset] { return false }
    return true
  }
}

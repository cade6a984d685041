/// A JSON document that has been read: the values are made when they are asked for, unknown ones never.
public final class Document: Sendable {
  let tape: Tape
  /// The document's name, for errors.
  let file: String
  /// Gets the errors of a document that is looked through for all of them; `nil`: the first one is thrown.
  let recorder: Recorder?

  /// Reads a whole document. Containers may be nested `deepestNesting` levels.
  ///
  /// - Parameters:
  ///   - bytes: the text, UTF-8.
  ///   - file: the document's name, for errors.
  ///   - key: of an object, only the members in front of this one are read, and nothing from there on is looked at.
  /// - Throws: bad syntax, bad UTF-8, duplicate keys, too deep a nesting, anything after the value, no value at all.
  public convenience init(
    _ bytes: [UInt8], file: String, before key: StaticString? = nil, recorder: Recorder? = nil
  ) throws(Error) {
    let (tape, defect) = Parser.read(bytes, before: key)
    self.init(tape: tape, file: file, recorder: recorder)
    if let defect { throw error(for: defect) }
  }

  init(tape: Tape, file: String, recorder: Recorder?) {
    self.tape = tape
    self.file = file
    self.recorder = recorder
  }

  /// The outermost value.
  public var root: Value { Value(document: self, index: 0) }

  /// How many levels arrays and objects may be nested: ten times what any document of the specification needs.
  public static let deepestNesting = 128

  func string(of index: Int) -> String {
    String(decoding: tape.bytes(of: index), as: UTF8.self)
  }

  private func error(for defect: Parser.Defect) -> Error {
    switch defect {
    case .syntax(let position, let message, let hint):
      return error(position: position, message, hint: hint)
    case .tooDeep(let index):
      return error(at: index, "nested more than " + String(Document.deepestNesting) + " levels deep")
    case .duplicateKey(let index, let first):
      let line = tape.text.lineAndColumn(of: Int(tape.nodes[first].position)).line
      return error(at: index, "duplicate key", hint: "the first one is in line " + String(line))
    }
  }
}

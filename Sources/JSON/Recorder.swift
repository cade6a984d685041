/// Collects what is wrong with a document, so that its reader sees all of it and not only the first.
///
/// What cannot be read is taken for nothing: zero, an empty text, an array without elements, an object without members. What is
/// read that way is good for further checks and for nothing else.
public final class Recorder: @unchecked Sendable {
  /// In the order in which they were met. Not for several threads.
  public fileprivate(set) var errors: [Error] = []

  public init() {}
}

extension Document {
  /// Throws the error, or notes it down and goes on with `value`.
  func recover<T>(_ error: @autoclosure () -> Error, with value: @autoclosure () -> T) throws(Error) -> T {
    guard let recorder else { throw error() }
    recorder.errors.append(error())
    return value()
  }

  /// Stands for what is missing: read as anything it is nothing, and nobody hears of it again.
  fileprivate static var nothing: Document {
    Document(tape: Tape(text: [], nodes: [Node(.null, at: 0)]), file: "", recorder: Recorder())
  }
}

extension Value {
  static var nothing: Value { Value(document: Document.nothing, index: 0) }

  @usableFromInline
  func recover<T>(_ error: Error, with value: T) throws(Error) -> T { try document.recover(error, with: value) }
}

extension Object {
  static var nothing: Object { Object(document: Document.nothing, index: 0) }
}

extension Elements {
  static var nothing: Elements { Elements(document: Document.nothing, container: 0) }
}

// MARK: where a value stands

extension Document {
  /// Line and column of the value with that path, written as in errors; of what is nearest to it and around it where there is none.
  public func place(of path: String) -> (line: Int, column: Int) {
    var index = 0
    var reached = ""
    while let child = child(of: index, named: reached, on: path) { (index, reached) = child }
    return tape.text.lineAndColumn(of: Int(tape.nodes[index].position))
  }

  /// The child that leads towards `path`.
  private func child(of container: Int, named name: String, on path: String) -> (index: Int, name: String)? {
    guard tape.nodes[container].isContainer, name != path else { return nil }
    var position = 0
    var child = container + 1
    while child < Int(tape.nodes[container].link) {
      var value = child
      var next = name + "[" + String(position) + "]"
      if tape.nodes[child].isKey {
        next = name.appending(key: string(of: child))
        value = child + 1
      }
      if path == next || path.hasPrefix(next + ".") || path.hasPrefix(next + "[") { return (value, next) }
      position += 1
      child = tape.next(after: value)
    }
    return nil
  }
}

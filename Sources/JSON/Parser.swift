import CYajl

/// Reads a text into a tape through yajl's callbacks.
///
/// The pointers in it are only used while `read` is on the stack, which keeps what they point to alive.
@safe struct Parser {
  /// Why a text is not a document.
  enum Defect {
    case syntax(position: Int, message: String, hint: String?)
    case tooDeep(index: Int)
    case duplicateKey(index: Int, first: Int)
  }

  private var tape: Tape
  /// The containers that are still open, outermost first.
  private var open: [Int] = []
  private var defect: Defect?
  /// Where the previous token with a node ended.
  private var end = 0
  private var handle: yajl_handle?
  private var base: UnsafePointer<UInt8>?
  /// Whether yajl has seen the whole text and only works off what it held back.
  private var isFinishing = false
  /// The key of the outermost object with which reading ends.
  private let last: StaticString?
  private var hasEnded = false

  private init(_ text: [UInt8], before last: StaticString?) {
    tape = Tape(text: text)
    self.last = last
    // A guess that fits configurations: one value or key in 16 bytes.
    tape.nodes.reserveCapacity(text.count / 16 + 16)
  }

  /// Reads `text`, or of the object that it is the members before `key`. With a defect, the tape holds what came before it.
  static func read(_ text: [UInt8], before key: StaticString? = nil) -> (Tape, Defect?) {
    var parser = Parser(text, before: key)
    if let defect = defectOfEncoding(text) { return (parser.tape, defect) }
    let status = unsafe text.withUnsafeBufferPointer { text in
      unsafe withUnsafeMutablePointer(to: &parser) { parser in
        unsafe run(parser, text)
      }
    }
    if status != yajl_status_ok, parser.defect == nil, !parser.hasEnded {
      parser.defect = .syntax(position: parser.end, message: "bad syntax", hint: nil)
    }
    parser.closeAll()
    return (parser.tape, parser.defect)
  }

  private static func defectOfEncoding(_ text: [UInt8]) -> Defect? {
    if text.count > Int(Int32.max) {
      return .syntax(position: 0, message: "the document is larger than 2 GiB", hint: nil)
    }
    if text.starts(with: [0xEF, 0xBB, 0xBF]) {
      return .syntax(position: 0, message: "the document starts with a byte order mark", hint: "remove it")
    }
    if text.allSatisfy({ $0 == 0x20 || (0x09...0x0D).contains($0) }) {
      return .syntax(position: 0, message: "the document is empty", hint: nil)
    }
    // yajl's own check lets overlong forms and surrogates pass.
    do {
      _ = try UTF8Span(validating: text.span)
      return nil
    } catch {
      return .syntax(position: error.byteOffsets.lowerBound, message: "not valid UTF-8", hint: nil)
    }
  }
}

// MARK: - Driving yajl

extension Parser {
  private static func run(_ parser: UnsafeMutablePointer<Parser>, _ text: UnsafeBufferPointer<UInt8>) -> yajl_status {
    var callbacks = Parser.callbacks
    return unsafe withUnsafePointer(to: &callbacks) { callbacks in
      guard let handle = unsafe yajl_alloc(callbacks, nil, parser) else { return yajl_status_error }
      defer { unsafe yajl_free(handle) }
      unsafe parser.pointee.handle = handle
      unsafe parser.pointee.base = text.baseAddress
      var status = unsafe yajl_parse(handle, text.baseAddress, text.count)
      if status == yajl_status_ok {
        unsafe parser.pointee.isFinishing = true
        status = unsafe yajl_complete_parse(handle)
      }
      if status == yajl_status_error { unsafe parser.pointee.noteSyntaxError() }
      return status
    }
  }

  /// Puts yajl's complaint into a defect.
  private mutating func noteSyntaxError() {
    guard let complaint = unsafe yajl_get_error(handle, 0, nil, 0) else { return }
    defer { unsafe yajl_free_error(handle, complaint) }
    // "parse error: premature EOF\n"
    var message = unsafe String(cString: complaint)
    if let newline = message.firstIndex(of: "\n") { message = String(message[..<newline]) }
    if let colon = message.firstIndex(of: ":") { message = String(message[colon...].dropFirst(2)) }

    if isFinishing {
      var hint: String?
      if let container = open.last {
        let line = tape.text.lineAndColumn(of: Int(tape.nodes[container].position)).line
        let kind = tape.nodes[container].kind == .object ? "object" : "array"
        hint = "the " + kind + " opened in line " + String(line) + " is not closed"
      }
      defect = .syntax(position: tape.text.count, message: "unexpected end of the document", hint: hint)
    } else {
      let consumed = unsafe yajl_get_bytes_consumed(handle)
      defect = .syntax(position: startOfToken(before: consumed), message: message, hint: nil)
    }
  }

  /// Where the token starts that yajl complained about after having read `consumed` bytes. yajl sometimes counts the
  /// token and sometimes does not, so the tokens that follow the last one with a node are looked at again.
  private func startOfToken(before consumed: Int) -> Int {
    var start = tape.text.startOfToken(from: end)
    while start < tape.text.count {
      let next = tape.text.startOfToken(from: tape.text.endOfToken(at: start))
      if next >= consumed || next == tape.text.count { break }
      start = next
    }
    return start
  }
}

extension [UInt8] {
  fileprivate func startOfToken(from position: Int) -> Int {
    self[position...].firstIndex { $0 != 0x20 && !(0x09...0x0D).contains($0) } ?? count
  }

  /// Where the string, the word, the number or the sign ends that starts at `position`.
  fileprivate func endOfToken(at position: Int) -> Int {
    var end = position + 1
    if self[position] == UInt8(ascii: "\"") {
      while end < count, self[end] != UInt8(ascii: "\"") { end += self[end] == UInt8(ascii: "\\") ? 2 : 1 }
      return Swift.min(end + 1, count)
    }
    while self[end - 1].isLiteral, end < count, self[end].isLiteral { end += 1 }
    return end
  }
}

extension UInt8 {
  /// Whether the byte can stand in a word or a number.
  fileprivate var isLiteral: Bool {
    switch self | 0x20 {
    case UInt8(ascii: "a")...UInt8(ascii: "z"): true
    default: (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self) || [0x2B, 0x2D, 0x2E].contains(self)
    }
  }
}

// MARK: - Events

extension Parser {
  /// Where the token ends that yajl is reporting.
  private var currentEnd: Int {
    unsafe isFinishing ? tape.text.count : yajl_get_bytes_consumed(handle)
  }

  fileprivate mutating func append(_ kind: Node.Kind, width: Int, length: Int = 0) {
    let end = currentEnd
    if let container = open.last { tape.nodes[container].length += 1 }
    tape.nodes.append(Node(kind, at: end - width, length: length))
    self.end = end
  }

  fileprivate mutating func append(string: UnsafePointer<UInt8>?, count: Int, isKey: Bool) -> Bool {
    let end = currentEnd
    if !isKey, let container = open.last { tape.nodes[container].length += 1 }
    // yajl hands out its own buffer only where it resolved escapes.
    if let string = unsafe string, let base = unsafe base, unsafe string < base || string >= base + tape.text.count {
      let start = tape.text[self.end..<end].firstIndex(of: UInt8(ascii: "\"")) ?? self.end
      let plain = tape.plain.count
      unsafe tape.plain.append(contentsOf: UnsafeBufferPointer(start: string, count: count))
      tape.nodes.append(Node(isKey ? .escapedKey : .escapedString, at: start, length: count, link: plain))
      self.end = end
      return !hasLoneSurrogate(start..<end)
    }
    tape.nodes.append(Node(isKey ? .key : .string, at: end - count - 2, length: count))
    self.end = end
    return true
  }

  /// `false`: read no further.
  fileprivate mutating func appendKey(_ string: UnsafePointer<UInt8>?, _ count: Int) -> Bool {
    guard unsafe append(string: string, count: count, isKey: true) else { return false }
    guard let last, open.count == 1, tape.key(at: tape.nodes.count - 1, is: last) else { return true }
    tape.nodes.removeLast()
    hasEnded = true
    return false
  }

  fileprivate mutating func open(_ kind: Node.Kind) -> Bool {
    append(kind, width: 1)
    open.append(tape.nodes.count - 1)
    if open.count <= Document.deepestNesting { return true }
    defect = .tooDeep(index: tape.nodes.count - 1)
    return false
  }

  fileprivate mutating func close() -> Bool {
    guard let container = open.popLast() else { return false }
    tape.nodes[container].link = UInt32(truncatingIfNeeded: tape.nodes.count)
    end = currentEnd
    guard tape.nodes[container].kind == .object, let (index, first) = tape.duplicateKey(in: container) else {
      return true
    }
    defect = .duplicateKey(index: index, first: first)
    return false
  }

  /// Makes the tape walkable where reading stopped early.
  private mutating func closeAll() {
    for container in open { tape.nodes[container].link = UInt32(truncatingIfNeeded: tape.nodes.count) }
  }

  /// Whether the string written in `range` has half of a surrogate pair, which yajl would let pass.
  private mutating func hasLoneSurrogate(_ range: Range<Int>) -> Bool {
    var position = range.lowerBound
    var high: Int?
    while position < range.upperBound {
      let start = position
      var unit: UInt32 = 0
      if tape.text[position] == UInt8(ascii: "\\") {
        position += 2
        if tape.text[position - 1] == UInt8(ascii: "u") {
          unit = tape.text[position..<position + 4].reduce(0) { $0 << 4 | UInt32($1 & 0xF) + ($1 > 0x40 ? 9 : 0) }
          position += 4
        }
      } else {
        position += 1
      }
      let isLow = (0xDC00...0xDFFF).contains(unit)
      if (high != nil) != isLow {
        defect = .syntax(position: high ?? start, message: "half of a surrogate pair in a string", hint: nil)
        return true
      }
      high = (0xD800...0xDBFF).contains(unit) ? start : nil
    }
    return false
  }

  /// C functions that pass each event on to the parser that is yajl's context.
  private static var callbacks: yajl_callbacks {
    unsafe yajl_callbacks(
      yajl_null: { context in
        unsafe parser(context).pointee.append(.null, width: 4)
        return 1
      },
      yajl_boolean: { context, value in
        unsafe parser(context).pointee.append(value == 0 ? .false : .true, width: value == 0 ? 5 : 4)
        return 1
      },
      yajl_integer: nil,
      yajl_double: nil,
      yajl_number: { context, _, count in
        unsafe parser(context).pointee.append(.number, width: count, length: count)
        return 1
      },
      yajl_string: { context, string, count in
        unsafe parser(context).pointee.append(string: string, count: count, isKey: false) ? 1 : 0
      },
      yajl_start_map: { context in unsafe parser(context).pointee.open(.object) ? 1 : 0 },
      yajl_map_key: { context, string, count in
        unsafe parser(context).pointee.appendKey(string, count) ? 1 : 0
      },
      yajl_end_map: { context in unsafe parser(context).pointee.close() ? 1 : 0 },
      yajl_start_array: { context in unsafe parser(context).pointee.open(.array) ? 1 : 0 },
      yajl_end_array: { context in unsafe parser(context).pointee.close() ? 1 : 0 }
    )
  }
}

private func parser(_ context: UnsafeMutableRawPointer?) -> UnsafeMutablePointer<Parser> {
  // yajl passes on what yajl_alloc got, which was never nil.
  unsafe context.unsafelyUnwrapped.assumingMemoryBound(to: Parser.self)
}

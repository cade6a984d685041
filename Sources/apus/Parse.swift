import Linux

extension Configurable {
  /// Reads the arguments after the program's or the command's name.
  ///
  /// What stands before an error has been set.
  ///
  /// - Returns: `false` when help is asked for instead.
  mutating func parse(_ arguments: [String]) throws(Failure) -> Bool {
    let options = Self.options
    let operands = Self.operands
    var names = options.map {
      OptionName($0.name, letter: $0.letter.map { UInt8(ascii: $0) }, needsArgument: $0.needsArgument)
    }
    names.append(OptionName("help", letter: UInt8(ascii: "h"), needsArgument: false))

    var words: [String] = []
    for item in readArguments(arguments, names, operandLimit: operandLimit(operands)) {
      switch item {
      case .option(options.count, _): return false
      case .option(let index, let argument): try set(options[index], argument)
      case .operand(let word): words.append(word)
      case .unknown(let text): throw unknownOption(text, names)
      case .missingArgument(let index):
        throw Failure("option --" + options[index].name.description + " needs an argument")
      }
    }
    try assign(words, to: operands)
    return true
  }

  private mutating func set(_ option: Option<Self>, _ argument: String?) throws(Failure) {
    do {
      switch option.action {
      case .flag(let set): set(&self, try argument.map { (text) throws(Failure) in try boolean(text) } ?? true)
      case .value(_, let set): try set(&self, argument ?? "")
      }
    } catch {
      throw Failure("option --" + option.name.description + ": " + error.message)
    }
  }

  /// After how many operands nothing is an option any more.
  private func operandLimit(_ operands: [Operand<Self>]) -> Int {
    switch operands.last?.kind {
    case .rest: return operands.count - 1
    case .command: return operands.count
    default: return Int.max
    }
  }

  private mutating func assign(_ words: [String], to operands: [Operand<Self>]) throws(Failure) {
    var rest = words[...]
    for operand in operands {
      switch operand.kind {
      case .required(let set):
        guard let word = rest.popFirst() else {
          throw Failure(operand.name.description + " is missing; usage: " + Self.usage)
        }
        set(&self, word)
      case .optional(let set):
        if let word = rest.popFirst() { try set(&self, word) }
      case .rest(let set), .command(let set):
        set(&self, Array(rest))
        rest = []
      }
    }
    if let word = rest.first { throw Failure("unexpected argument \"" + word + "\"; usage: " + Self.usage) }
  }
}

private func boolean(_ text: String) throws(Failure) -> Bool {
  switch text {
  case "true", "1": return true
  case "false", "0": return false
  default: throw Failure("\"" + text + "\" is neither true nor false")
  }
}

private func unknownOption(_ text: String, _ names: [OptionName]) -> Failure {
  let message = "unknown option \"" + text + "\""
  guard let near = closest(to: String(text.drop { $0 == "-" }), among: names.map { $0.name.description }) else {
    return Failure(message + "; --help lists the options")
  }
  return Failure(message + "; did you mean --" + near + "?")
}

/// Reads one of the names of a type's values.
func choice<T: RawRepresentable<String> & CaseIterable>(_ text: String) throws(Failure) -> T {
  if let value = T(rawValue: text) { return value }
  throw Failure("\"" + text + "\" is none of " + T.allCases.map { $0.rawValue }.joined(separator: ", "))
}

/// Reads a whole number that is not negative.
func count(_ text: String) throws(Failure) -> Int32 {
  if let number = decimal(text.utf8), let count = Int32(exactly: number) { return count }
  throw Failure("\"" + text + "\" is no number from 0 to 2147483647")
}

/// Reads a path or another text that has to say something.
func nonEmpty(_ text: String) throws(Failure) -> String {
  if text.isEmpty { throw Failure("it is empty") }
  return text
}

/// The word that was probably meant: one that differs in few letters.
func closest(to word: String, among candidates: [String]) -> String? {
  var best: String?
  var bestDistance = word.utf8.count < 4 ? 2 : 3
  for candidate in candidates {
    let distance = editDistance(Array(word.utf8), Array(candidate.utf8))
    if distance < bestDistance { (best, bestDistance) = (candidate, distance) }
  }
  return best
}

/// How many letters have to be put in, taken out, replaced or swapped with their neighbour to make one of the other.
private func editDistance(_ a: [UInt8], _ b: [UInt8]) -> Int {
  var rows = [Array(0...b.count)]
  for i in 0..<a.count {
    var row = [i + 1]
    for j in 0..<b.count {
      var cost = min(rows[i][j + 1] + 1, row[j] + 1, rows[i][j] + (a[i] == b[j] ? 0 : 1))
      if i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j] { cost = min(cost, rows[i - 1][j - 1] + 1) }
      row.append(cost)
    }
    rows.append(row)
  }
  return rows[a.count][b.count]
}

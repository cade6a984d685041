import Linux

extension Configurable {
  /// Reads the arguments after the program's or the command's name.
  ///
  /// What stands before an error has been set.
  ///
  /// - Returns: `false` when help is asked for instead.
  mutating func parse(_ arguments: [String]) throws(Failure) -> Bool {
    let reader = CommandLineReader(arguments)
    let (help, operandLimit) = ArgumentTable<Self>.name(to: reader)
    // The option behind the last one.
    reader.add("help", letter: UInt8(ascii: "h"), needsArgument: false)

    var words: [String] = []
    while words.count < operandLimit, let item = reader.next() {
      switch item {
      case .option(let number, let argument):
        if number == help { return false }
        try ArgumentTable.set(number, argument, of: &self)
      case .operand(let word): words.append(word)
      case .unknown(let text): throw Self.unknownOption(text)
      case .missingArgument(let number):
        throw Failure("option --" + ArgumentTable<Self>.rows.options[number].name + " needs an argument")
      }
    }
    try ArgumentTable.set(words + reader.rest, of: &self)
    return true
  }

  private static func unknownOption(_ text: String) -> Failure {
    let message = "unknown option \"" + text + "\""
    let names = ArgumentTable<Self>.rows.options.map { $0.name } + ["help"]
    guard let near = closest(to: String(text.drop { $0 == "-" }), among: names) else {
      return Failure(message + "; --help lists the options")
    }
    return Failure(message + "; did you mean --" + near + "?")
  }
}

/// Reads the value of a flag.
func boolean(_ text: String) throws(Failure) -> Bool {
  switch text {
  case "true", "1": return true
  case "false", "0": return false
  default: throw Failure("\"" + text + "\" is neither true nor false")
  }
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

/// The word that was probably meant: one that begins like it, or differs in few letters.
func closest(to word: String, among candidates: [String]) -> String? {
  if word.utf8.count > 1, let whole = candidates.first(where: { $0.hasPrefix(word) }) { return whole }
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

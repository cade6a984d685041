import Linux

/// The options and operands of a command, told one by one to whoever goes through them.
///
/// There is no array of them: it would have to be made at every start, and the types that arrays of closures need are what
/// costs most there.
struct ArgumentTable<Target: Configurable> {
  /// What is being set.
  var target: Target
  /// What went wrong first.
  var failure: Failure?
  private let visit: Visit
  private var number = 0
  /// What help shows.
  private(set) var rows = Rows()
  /// The operands that are left.
  private(set) var words: ArraySlice<String> = []
  /// After how many operands nothing is an option any more.
  private(set) var operandLimit = Int.max
  private var operandCount = 0

  /// Why the table is gone through.
  private enum Visit {
    /// To make the options known.
    case names(CommandLineReader)
    /// To set the option of that number.
    case option(Int, argument: String?)
    /// To set the operands.
    case operands
    /// To show all there is.
    case help
  }

  private init(_ target: Target, _ visit: Visit) {
    self.target = target
    self.visit = visit
  }

  // MARK: the lines of a table

  /// `--name`, `--name=true` and `--name=false`.
  mutating func flag(
    _ name: StaticString, letter: Unicode.Scalar? = nil, _ help: StaticString, _ set: (inout Target, Bool) -> Void
  ) {
    guard isAsked(name, letter, nil, help) else { return }
    attempt(name) { (target, argument) throws(Failure) in
      set(&target, try argument.map { (text) throws(Failure) in try boolean(text) } ?? true)
    }
  }

  /// An option with an argument, by the argument's name in the help.
  mutating func value(
    _ name: StaticString, letter: Unicode.Scalar? = nil, _ argument: StaticString, _ help: StaticString,
    _ set: (inout Target, String) -> Void
  ) {
    guard isAsked(name, letter, argument, help) else { return }
    attempt(name) { (target, argument) throws(Failure) in set(&target, argument ?? "") }
  }

  /// An option with an argument that is not taken as it is, but read by `read`.
  mutating func value<Value>(
    _ name: StaticString, letter: Unicode.Scalar? = nil, _ argument: StaticString, _ help: StaticString,
    as read: (String) throws(Failure) -> Value, _ set: (inout Target, Value) -> Void
  ) {
    guard isAsked(name, letter, argument, help) else { return }
    attempt(name) { (target, argument) throws(Failure) in set(&target, try read(argument ?? "")) }
  }

  /// An operand that has to be there.
  mutating func required(_ name: StaticString, _ set: (inout Target, String) -> Void) {
    guard isOperand(name.description) else { return }
    if let word = words.popFirst() {
      set(&target, word)
    } else if failure == nil {
      failure = Failure(name.description + " is missing; usage: " + Target.usage)
    }
  }

  /// An operand that may be left out, and is read by `read`.
  mutating func optional<Value>(
    _ name: StaticString, as read: (String) throws(Failure) -> Value, _ set: (inout Target, Value) -> Void
  ) {
    guard isOperand("[" + name.description + "]"), let word = words.popFirst() else { return }
    do { set(&target, try read(word)) } catch { failure = failure ?? error }
  }

  /// Everything from here on, whatever it looks like.
  mutating func rest(_ name: StaticString, _ set: (inout Target, [String]) -> Void) {
    operandLimit = operandCount
    takeRest(name, set)
  }

  /// Everything from the first word on that is no option.
  mutating func command(_ name: StaticString, _ set: (inout Target, [String]) -> Void) {
    operandLimit = operandCount + 1
    takeRest(name, set)
  }

  private mutating func takeRest(_ name: StaticString, _ set: (inout Target, [String]) -> Void) {
    guard isOperand("[" + name.description + "…]") else { return }
    set(&target, Array(words))
    words = []
  }

  // MARK: going through it

  /// Whether it is this option that was found.
  private mutating func isAsked(
    _ name: StaticString, _ letter: Unicode.Scalar?, _ argument: StaticString?, _ help: StaticString
  ) -> Bool {
    defer { number += 1 }
    switch visit {
    case .names(let reader):
      reader.add(name, letter: letter.map { UInt8(ascii: $0) }, needsArgument: argument != nil)
      return false
    case .option(let wanted, _): return number == wanted
    case .operands: return false
    case .help:
      rows.options.append(
        .init(name: name.description, letter: letter, argument: argument?.description, help: help.description))
      return false
    }
  }

  private mutating func attempt(
    _ name: StaticString, _ set: (inout Target, String?) throws(Failure) -> Void
  ) {
    guard case .option(_, let argument) = visit else { return }
    do {
      try set(&target, argument)
    } catch {
      failure = Failure("option --" + name.description + ": " + error.message)
    }
  }

  private mutating func isOperand(_ shown: @autoclosure () -> String) -> Bool {
    operandCount += 1
    switch visit {
    case .operands: return true
    case .help:
      rows.operands.append(shown())
      return false
    case .names, .option: return false
    }
  }
}

extension ArgumentTable {
  /// A table as help shows it.
  struct Rows {
    struct Option {
      let name: String
      let letter: Unicode.Scalar?
      /// `nil`: a flag.
      let argument: String?
      let help: String
    }

    var options: [Option] = []
    var operands: [String] = []
  }

  /// Everything in the table.
  static var rows: Rows {
    var table = ArgumentTable(Target(), .help)
    Target.arguments(&table)
    return table.rows
  }

  /// Makes the options known to the reader.
  ///
  /// - Returns: how many there are, and after how many operands nothing is an option any more.
  static func name(to reader: CommandLineReader) -> (options: Int, operandLimit: Int) {
    var table = ArgumentTable(Target(), .names(reader))
    Target.arguments(&table)
    return (table.number, table.operandLimit)
  }

  /// Sets the option of that number.
  static func set(_ number: Int, _ argument: String?, of target: inout Target) throws(Failure) {
    var table = ArgumentTable(target, .option(number, argument: argument))
    Target.arguments(&table)
    if let failure = table.failure { throw failure }
    target = table.target
  }

  /// Sets the operands.
  static func set(_ words: [String], of target: inout Target) throws(Failure) {
    var table = ArgumentTable(target, .operands)
    table.words = words[...]
    Target.arguments(&table)
    if let failure = table.failure { throw failure }
    if let word = table.words.first { throw Failure("unexpected argument \"" + word + "\"; usage: " + Target.usage) }
    target = table.target
  }
}

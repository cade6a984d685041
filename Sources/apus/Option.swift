import Linux

/// One option of a command: how it is written, what help says of it, and what it does.
struct Option<Target> {
  let name: StaticString
  /// The short form.
  let letter: Unicode.Scalar?
  let help: StaticString
  let action: Action

  enum Action {
    /// `--name`, `--name=true` and `--name=false`.
    case flag((inout Target, Bool) -> Void)
    /// An argument, by its name in the help.
    case value(StaticString, (inout Target, String) throws(Failure) -> Void)
  }

  static func flag(
    _ name: StaticString, letter: Unicode.Scalar? = nil, _ help: StaticString,
    _ set: @escaping (inout Target, Bool) -> Void
  ) -> Option {
    Option(name: name, letter: letter, help: help, action: .flag(set))
  }

  static func value(
    _ name: StaticString, letter: Unicode.Scalar? = nil, _ argument: StaticString, _ help: StaticString,
    _ set: @escaping (inout Target, String) -> Void
  ) -> Option {
    Option(name: name, letter: letter, help: help, action: .value(argument, set))
  }

  /// An argument that is not taken as it is, but read by `read`.
  static func value<Value>(
    _ name: StaticString, letter: Unicode.Scalar? = nil, _ argument: StaticString, _ help: StaticString,
    as read: @escaping (String) throws(Failure) -> Value, _ set: @escaping (inout Target, Value) -> Void
  ) -> Option {
    Option(
      name: name, letter: letter, help: help,
      action: .value(argument) { (target, text) throws(Failure) in set(&target, try read(text)) })
  }

  var needsArgument: Bool {
    switch action {
    case .flag: return false
    case .value: return true
    }
  }
}

/// What stands on the command line without a dash.
struct Operand<Target> {
  let name: StaticString
  let kind: Kind

  enum Kind {
    case required((inout Target, String) -> Void)
    case optional((inout Target, String) throws(Failure) -> Void)
    /// Everything from here on, whatever it looks like.
    case rest((inout Target, [String]) -> Void)
    /// Options may come first; everything from the first word on.
    case command((inout Target, [String]) -> Void)
  }

  static func required(
    _ name: StaticString, _ set: @escaping (inout Target, String) -> Void
  ) -> Operand {
    Operand(name: name, kind: .required(set))
  }

  static func optional(
    _ name: StaticString, _ set: @escaping (inout Target, String) -> Void
  ) -> Operand {
    Operand(name: name, kind: .optional(set))
  }

  /// One that is not taken as it is, but read by `read`.
  static func optional<Value>(
    _ name: StaticString, as read: @escaping (String) throws(Failure) -> Value,
    _ set: @escaping (inout Target, Value) -> Void
  ) -> Operand {
    Operand(
      name: name,
      kind: .optional { (target, text) throws(Failure) in set(&target, try read(text)) })
  }

  static func rest(_ name: StaticString, _ set: @escaping (inout Target, [String]) -> Void) -> Operand {
    Operand(name: name, kind: .rest(set))
  }

  static func command(_ name: StaticString, _ set: @escaping (inout Target, [String]) -> Void) -> Operand {
    Operand(name: name, kind: .command(set))
  }
}

/// Something that is set from a command line, by tables. The tables are made when they are asked for: a run of the program
/// touches those of one command.
protocol Configurable {
  /// How it is called.
  static var usage: String { get }
  static var options: [Option<Self>] { get }
  static var operands: [Operand<Self>] { get }
}

/// A command of the program.
protocol Command: Configurable {
  static var name: StaticString { get }
  /// What it does, in a few words.
  static var summary: StaticString { get }
  /// What help adds, in whole sentences.
  static var discussion: StaticString { get }
  /// The exit status when it fails.
  static var failureStatus: Int32 { get }

  init()

  /// - Returns: the exit status.
  func run(in session: Session) throws(Failure) -> Int32
}

extension Command {
  static var options: [Option<Self>] { [] }
  static var operands: [Operand<Self>] { [] }
  static var usage: String { Help.usage(of: Self.self) }
  static var discussion: StaticString { "" }
  static var failureStatus: Int32 { 1 }
}

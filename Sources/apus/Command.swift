import Linux

/// Something that is set from a command line: what can be written is told by `arguments`, one line each.
protocol Configurable {
  init()

  /// How it is called.
  static var usage: String { get }

  /// The table of options and operands. Parsing, help and whatever else wants to know goes through it.
  static func arguments(_ table: inout ArgumentTable<Self>)
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
  /// Whether a process of this program goes into a container, where it can be looked into.
  static var entersContainer: Bool { get }

  /// - Returns: the exit status.
  func run(in session: Session) throws(Failure) -> Int32
}

extension Command {
  static var usage: String { Help.usage(of: Self.self) }
  static var discussion: StaticString { "" }
  static var failureStatus: Int32 { 1 }
  static var entersContainer: Bool { false }
  static func arguments(_ table: inout ArgumentTable<Self>) {}
}

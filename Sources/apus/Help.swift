import Linux

/// The texts of `--help`, made from the tables.
enum Help {
  static func print(_ text: String) throws(Failure) -> Int32 {
    try printOut(text)
    return 0
  }

  static func printProgram() throws(Failure) -> Int32 { try print(program()) }

  /// The help of the program.
  static func program() -> String {
    var text = "apus runs containers as the Open Container Initiative's runtime specification describes them.\n\n"
    text += "usage: " + Globals.usage + "\n\ncommands:\n"
    text += table(Entry.all.map { ("  " + $0.name.description, $0.summary.description) })
    text += "\noptions:\n" + options(of: Globals.self)
    return text + "\napus COMMAND --help tells more about a command.\n"
  }

  /// The help of a command.
  static func text<C: Command>(of command: C.Type) -> String {
    let discussion = C.discussion.description
    return "usage: " + C.usage + "\n\n" + C.summary.description + "\n"
      + (discussion.isEmpty ? "" : "\n" + discussion + "\n") + "\noptions:\n" + options(of: C.self)
  }

  /// `apus kill [OPTIONS] ID [SIGNAL]`
  static func usage<C: Command>(of command: C.Type) -> String {
    (["apus", C.name.description, "[OPTIONS]"] + ArgumentTable<C>.rows.operands).joined(separator: " ")
  }

  private static func options<T: Configurable>(of type: T.Type) -> String {
    var rows: [(String, String)] = []
    for option in ArgumentTable<T>.rows.options {
      let letter = option.letter.map { "  -" + String($0) + ", " } ?? "      "
      rows.append((letter + "--" + option.name + (option.argument.map { " " + $0 } ?? ""), option.help))
    }
    rows.append(("  -h, --help", "print this"))
    return table(rows)
  }

  /// Two columns.
  private static func table(_ rows: [(String, String)]) -> String {
    let width = rows.reduce(0) { max($0, $1.0.count) } + 2
    return rows.map { $0.0 + String(repeating: " ", count: width - $0.0.count) + $0.1 + "\n" }.joined()
  }
}

/// `help`: the help of the program, or of a command.
struct HelpCommand: Command {
  static var name: StaticString { "help" }
  static var summary: StaticString { "print help on the program or on a command" }

  private var command: String?

  static func arguments(_ table: inout ArgumentTable<HelpCommand>) {
    table.optional("COMMAND", as: nonEmpty) { $0.command = $1 }
  }

  func run(in session: Session) throws(Failure) -> Int32 {
    guard let command else { return try Help.printProgram() }
    guard let entry = Entry.named(command) else { throw Failure(Program.unknownCommand(command)) }
    return try Help.print(entry.help())
  }
}

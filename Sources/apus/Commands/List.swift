import JSON
import Linux
import OCI
import Runtime

/// How `list` and `ps` print.
enum OutputFormat: String, CaseIterable {
  case table, json
}

/// `list`: all containers.
struct List: Command {
  static var name: StaticString { "list" }
  static var summary: StaticString { "print all containers" }

  private var format = OutputFormat.table
  private var quiet = false

  static func arguments(_ table: inout ArgumentTable<List>) {
    table.value("format", letter: "f", "FORMAT", "table or json [table]", as: choice) { $0.format = $1 }
    table.flag("quiet", letter: "q", "print the ids alone") { $0.quiet = $1 }
  }

  func run(in session: Session) throws(Failure) -> Int32 {
    if quiet {
      try printOut(session.store.ids().map { $0 + "\n" }.joined())
      return 0
    }
    let states = try session.store.list()
    switch format {
    case .table: try printOut(List.table(states))
    case .json: try printOut(List.json(states))
    }
    return 0
  }

  static func json(_ states: [State]) -> [UInt8] {
    var writer = Writer()
    writer.array { writer in
      for state in states { state.encode(to: &writer) }
    }
    return writer.bytes + [UInt8(ascii: "\n")]
  }

  static func table(_ states: [State]) -> [UInt8] {
    let titles = ["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"]
    var widths = titles.map { width($0) }
    for state in states { fields(of: state) { widths[$0] = max(widths[$0], width($1)) } }
    var text: [UInt8] = []
    func append(_ column: Int, _ field: String) {
      text += field.utf8
      // The last column is not filled up.
      if column == titles.count - 1 { return text.append(UInt8(ascii: "\n")) }
      text += repeatElement(UInt8(ascii: " "), count: widths[column] + 2 - width(field))
    }
    for (column, title) in titles.enumerated() { append(column, title) }
    for state in states { fields(of: state, append) }
    return text
  }

  private static func fields(of state: State, _ visit: (Int, String) -> Void) {
    visit(0, state.id)
    visit(1, String(state.pid ?? 0))
    visit(2, state.status.rawValue)
    visit(3, state.bundle)
    visit(4, state.created ?? "")
    visit(5, state.owner ?? "")
  }

  /// Code points: counting what a reader takes for one character costs as much as all the rest.
  private static func width(_ text: String) -> Int {
    // All bytes but those that continue one.
    let bytes = text.utf8.span
    var width = 0
    for index in bytes.indices where bytes[index] & 0xC0 != 0x80 { width += 1 }
    return width
  }
}

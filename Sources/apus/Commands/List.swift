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
    var rows = [["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"]]
    for state in states {
      rows.append([
        state.id, String(state.pid ?? 0), state.status.rawValue, state.bundle, state.created ?? "", state.owner ?? "",
      ])
    }
    let widths = rows[0].indices.map { column in rows.reduce(0) { max($0, width($1[column])) } + 2 }
    var text: [UInt8] = []
    for row in rows {
      // The last column is not filled up.
      for column in row.indices.dropLast() {
        text += row[column].utf8
        text += repeatElement(UInt8(ascii: " "), count: widths[column] - width(row[column]))
      }
      text += row[row.count - 1].utf8
      text.append(UInt8(ascii: "\n"))
    }
    return text
  }

  /// Code points: counting what a reader takes for one character costs as much as all the rest.
  private static func width(_ text: String) -> Int { text.unicodeScalars.count }
}

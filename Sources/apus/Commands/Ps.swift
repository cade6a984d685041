import JSON
import Linux
import Runtime

/// `ps`: the processes of a container.
struct Ps: Command {
  static var name: StaticString { "ps" }
  static var summary: StaticString { "print the processes of a container" }
  static var discussion: StaticString {
    "A table is what ps(1) prints for the processes, with its arguments ARG [-ef]."
  }

  private var format = OutputFormat.table
  private var id = ""
  private var arguments: [String] = []

  static func arguments(_ table: inout ArgumentTable<Ps>) {
    table.value("format", letter: "f", "FORMAT", "table, or json: the process ids alone [table]", as: choice) {
      $0.format = $1
    }
    table.required("ID") { $0.id = $1 }
    table.rest("ARG") {
      let (format, rest) = Ps.split($1)
      if let format { $0.format = format }
      $0.arguments = rest
    }
  }

  func run(in session: Session) throws(Failure) -> Int32 {
    let processes = try session.store.processes(ContainerID(id))
    switch format {
    case .json:
      var writer = Writer()
      writer.array { writer in
        for pid in processes { writer.value(pid) }
      }
      try printOut(writer.bytes + [UInt8(ascii: "\n")])
    case .table:
      try printOut(Ps.lines(of: hostProcesses(), for: processes))
    }
    return 0
  }

  /// A format that stands behind the id is ours: for ps(1) it would make no sense.
  static func split(_ words: [String]) -> (format: OutputFormat?, rest: [String]) {
    for format in OutputFormat.allCases {
      if words.first == "--format=" + format.rawValue { return (format, Array(words.dropFirst())) }
      if words.count > 1 && (words[0] == "--format" || words[0] == "-f") && words[1] == format.rawValue {
        return (format, Array(words.dropFirst(2)))
      }
    }
    return (nil, words)
  }

  private func hostProcesses() throws(Failure) -> [UInt8] {
    let (status, output) = try step("ps", hint: { $0 == .noSuchFileOrDirectory ? "is procps installed?" : nil }) {
      () throws(SystemError) in try capture("ps", arguments.isEmpty ? ["-ef"] : arguments)
    }
    if status != .exited(0) { throw Failure("ps: exit status " + String(status.code)) }
    return output
  }

  /// The heading, and the lines whose column `PID` names one of the processes.
  static func lines(of output: [UInt8], for processes: [Int32]) throws(Failure) -> [UInt8] {
    let lines = output.split(separator: UInt8(ascii: "\n"))
    guard let heading = lines.first,
      let column = fields(heading).firstIndex(where: { $0.elementsEqual("PID".utf8) })
    else { throw Failure("ps: its output has no column PID") }
    var kept = Array(heading) + [UInt8(ascii: "\n")]
    for line in lines.dropFirst() {
      let fields = fields(line)
      guard column < fields.count, let pid = decimal(fields[column]), processes.contains(where: { UInt64($0) == pid })
      else { continue }
      kept += line + [UInt8(ascii: "\n")]
    }
    return kept
  }

  private static func fields(_ line: ArraySlice<UInt8>) -> [ArraySlice<UInt8>] {
    line.split { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
  }
}

import JSON
import Linux
import Runtime

/// `check`: what is wrong with a bundle, without making a container of it.
struct Check: Command {
  static var name: StaticString { "check" }
  static var summary: StaticString { "look for everything that is wrong with a bundle" }
  static var discussion: StaticString {
    "Every problem is one line: file, line and column, the value's path, what is wrong and what would be right. What this machine and this caller cannot do is tried, on a cgroup that is gone again afterwards. The exit status is 0 when a container could be made."
  }

  private enum Format: String, CaseIterable { case text, json }

  private var bundle = ""
  private var config: String?
  private var format = Format.text

  static func arguments(_ table: inout ArgumentTable<Check>) {
    table.value("config", "FILE", "the configuration, in the bundle unless absolute [config.json]") {
      $0.config = $1
    }
    table.value("format", letter: "f", "FORMAT", "text or json [text]", as: choice) { $0.format = $1 }
    table.required("BUNDLE") { $0.bundle = $1 }
  }

  func run(in session: Session) throws(Failure) -> Int32 {
    let report = session.store.check(bundle, configFile: config)
    switch format {
    case .json: try printOut(JSON.Writer.encode(report, pretty: true) + [UInt8(ascii: "\n")])
    case .text:
      for line in report.lines { try printOut(line + "\n") }
      if report.problems.isEmpty { try printOut("nothing is wrong\n") }
    }
    return report.isSound ? 0 : 1
  }
}

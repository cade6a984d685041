import JSON
import Linux
import Runtime

/// `wait`: until a container ends.
struct Wait: Command {
  static var name: StaticString { "wait" }
  static var summary: StaticString { "wait until a container's process has ended, and print its exit status" }
  static var discussion: StaticString {
    "The status is 128 + N when signal N killed the process, and \"unknown\" (in JSON: absent) when somebody else has reaped it."
  }

  private enum Format: String, CaseIterable { case text, json }

  private var format = Format.text
  private var id = ""

  static func arguments(_ table: inout ArgumentTable<Wait>) {
    table.value("format", letter: "f", "FORMAT", "text or json [text]", as: choice) { $0.format = $1 }
    table.required("ID") { $0.id = $1 }
  }

  func run(in session: Session) throws(Failure) -> Int32 {
    let status = try session.store.wait(ContainerID(id))
    switch format {
    case .text: try printOut((status.map { String($0.code) } ?? "unknown") + "\n")
    case .json: try printOut(Wait.document(id, status) + [UInt8(ascii: "\n")])
    }
    return 0
  }

  private static func document(_ id: String, _ status: ExitStatus?) -> [UInt8] {
    var writer = Writer()
    writer.object { json in
      json.key("id")
      json.value(id)
      guard let status else { return }
      json.key("exitStatus")
      json.value(status.code)
      guard case .signaled(let signal) = status else { return }
      json.key("signal")
      json.value(signal)
    }
    return writer.bytes
  }
}

import Linux
import OCI
import Runtime

/// `state`: the state document of a container.
struct StateCommand: Command {
  static var name: StaticString { "state" }
  static var summary: StaticString { "print the state of a container as JSON" }

  private var id = ""

  static func arguments(_ table: inout ArgumentTable<StateCommand>) {
    table.required("ID") { $0.id = $1 }
  }

  func run(in session: Session) throws(Failure) -> Int32 {
    let state = try session.store.state(ContainerID(id))
    try printOut(state.json(pretty: true) + [UInt8(ascii: "\n")])
    return 0
  }
}

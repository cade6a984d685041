import Linux
import Runtime

/// `pause`: stops a container's processes.
struct Pause: Command {
  static var name: StaticString { "pause" }
  static var summary: StaticString { "stop all processes of a container where they stand" }

  private var id = ""

  static func arguments(_ table: inout ArgumentTable<Pause>) {
    table.required("ID") { $0.id = $1 }
  }

  func run(in session: Session) throws(Failure) -> Int32 {
    try session.store.pause(ContainerID(id))
    return 0
  }
}

import Linux
import Runtime

/// `start`: lets a created container run its program.
struct Start: Command {
  static var name: StaticString { "start" }
  static var summary: StaticString { "let a created container run its program" }

  private var id = ""

  static func arguments(_ table: inout ArgumentTable<Start>) {
    table.required("ID") { $0.id = $1 }
  }

  func run(in session: Session) throws(Failure) -> Int32 {
    try session.store.start(ContainerID(id))
    return 0
  }
}

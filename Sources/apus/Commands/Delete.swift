import Linux
import Runtime

/// `delete`: removes a stopped container.
struct Delete: Command {
  static var name: StaticString { "delete" }
  static var summary: StaticString { "remove a container that has stopped" }

  private var force = false
  private var regex = false
  private var id = ""

  static func arguments(_ table: inout ArgumentTable<Delete>) {
    table.flag("force", letter: "f", "kill it first; no failure if there is no such container") { $0.force = $1 }
    table.flag("regex", letter: "r", "ID is a regular expression: remove all containers it fits") { $0.regex = $1 }
    table.required("ID") { $0.id = $1 }
  }

  func run(in session: Session) throws(Failure) -> Int32 {
    guard regex else {
      try session.store.delete(ContainerID(id), force: force)
      return 0
    }
    try session.forEachContainer(matching: id) { (id) throws(Failure) in
      try session.store.delete(id, force: force)
    }
    return 0
  }
}

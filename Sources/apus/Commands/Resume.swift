import Linux
import Runtime

/// `resume`: lets a paused container's processes go on.
struct Resume: Command {
  static var name: StaticString { "resume" }
  static var summary: StaticString { "let the processes of a paused container go on" }

  private var id = ""

  static func arguments(_ table: inout ArgumentTable<Resume>) {
    table.required("ID") { $0.id = $1 }
  }

  func run(in session: Session) throws(Failure) -> Int32 {
    try session.store.resume(ContainerID(id))
    return 0
  }
}

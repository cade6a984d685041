import Linux
import Runtime

/// `run`: makes a container and starts it.
struct Run: PlansContainer {
  static var name: StaticString { "run" }
  static var summary: StaticString { "make a container, start it, wait for its end and delete it" }
  static var discussion: StaticString {
    "The exit status is that of the container's process; 128 + N when signal N killed it."
  }

  var id = ""
  var creation = CreateOptions()
  var isDryRun = false
  private var detach = false
  private var keep = false
  private var noSubreaper = false

  static func arguments(_ table: inout ArgumentTable<Run>) {
    Run.creationArguments(&table)
    Run.planArguments(&table)
    table.flag("detach", letter: "d", "do not wait for the end, and do not delete") { $0.detach = $1 }
    table.flag("keep", "do not delete the container when it has ended") { $0.keep = $1 }
    table.flag("no-subreaper", "do not reap what the container's processes leave behind") { $0.noSubreaper = $1 }
    table.required("ID") { $0.id = $1 }
  }

  func run(in session: Session) throws(Failure) -> Int32 {
    if isDryRun { return try session.printPlan(id, creation, isAttached: !detach) }
    return try session.store.run(ContainerID(id), creation, detach: detach, keep: keep, noSubreaper: noSubreaper)
  }
}

import Linux
import Runtime

/// `mounts`: changes what is mounted in a container that runs.
struct Mounts: Command {
  static var name: StaticString { "mounts" }
  static var summary: StaticString { "add mounts to a running container, or remove them" }
  static var discussion: StaticString {
    "ACTION is add or remove. FILE is JSON: an array like mounts of config.json, or an object with it; to remove, destinations suffice."
  }
  static var entersContainer: Bool { true }

  private enum Action: String, CaseIterable { case add, remove }

  private var action = ""
  private var id = ""
  private var file = ""

  static func arguments(_ table: inout ArgumentTable<Mounts>) {
    table.required("ACTION") { $0.action = $1 }
    table.required("ID") { $0.id = $1 }
    table.required("FILE") { $0.file = $1 }
  }

  func run(in session: Session) throws(Failure) -> Int32 {
    let action: Action = try choice(action)
    switch action {
    case .add: try session.store.addMounts(ContainerID(id), file: file)
    case .remove: try session.store.removeMounts(ContainerID(id), file: file)
    }
    return 0
  }
}

import Linux
import Runtime

/// A command that makes a container: `create`, `run`, `restore`.
protocol MakesContainer: Command {
  var creation: CreateOptions { get set }
}

/// One whose plan can be looked at: `create`, `run`.
protocol PlansContainer: MakesContainer {
  /// Whether to print what would be done, and do nothing.
  var isDryRun: Bool { get set }
}

extension MakesContainer {
  static var entersContainer: Bool { true }

  static func creationArguments(_ table: inout ArgumentTable<Self>) {
    table.value("bundle", letter: "b", "DIR", "the bundle, a directory with config.json and root file system [.]") {
      $0.creation.bundle = $1
    }
    table.value("config", letter: "f", "FILE", "the configuration, in the bundle unless absolute [config.json]") {
      $0.creation.configFile = $1
    }
    table.value("console-socket", "SOCKET", "unix socket that gets the terminal's descriptor") {
      $0.creation.consoleSocket = $1
    }
    table.value("pidfd-socket", "SOCKET", "unix socket that gets a pidfd of the container's process") {
      $0.creation.pidfdSocket = $1
    }
    table.value("pid-file", "FILE", "file that gets the process id of the container's process") {
      $0.creation.pidFile = $1
    }
    table.flag("no-pivot", "change the root without pivot_root, for a root file system on a ramdisk") {
      $0.creation.noPivot = $1
    }
    table.flag("no-new-keyring", "leave the container in the caller's session keyring") {
      $0.creation.noNewKeyring = $1
    }
    table.value("preserve-fds", "N", "pass so many descriptors, from 3 on, besides those of LISTEN_FDS [0]", as: count)
    {
      $0.creation.preserveFDs = $1
    }
  }
}

extension PlansContainer {
  static func planArguments(_ table: inout ArgumentTable<Self>) {
    table.flag("dry-run", "print what would be done, one step a line, and do nothing") { $0.isDryRun = $1 }
  }
}

extension Session {
  /// Prints the plan of a container.
  func printPlan(_ id: String, _ creation: CreateOptions, isAttached: Bool) throws(Failure) -> Int32 {
    let lines = try store.plan(ContainerID(id), creation, isAttached: isAttached)
    try printOut(lines.map { $0 + "\n" }.joined())
    return 0
  }
}

/// `create`: makes a container that waits for `start`.
struct Create: PlansContainer {
  static var name: StaticString { "create" }
  static var summary: StaticString { "make a container, which waits for start" }

  var id = ""
  var creation = CreateOptions()
  var isDryRun = false

  static func arguments(_ table: inout ArgumentTable<Create>) {
    Create.creationArguments(&table)
    Create.planArguments(&table)
    table.flag("no-subreaper", "changes nothing: this command leaves nobody to be reaped") { _, _ in }
    table.required("ID") { $0.id = $1 }
  }

  func run(in session: Session) throws(Failure) -> Int32 {
    if isDryRun { return try session.printPlan(id, creation, isAttached: false) }
    try session.store.create(ContainerID(id), creation)
    return 0
  }
}

import Linux
import Runtime

/// A command that makes a container: `create`, `run`, later `restore`.
protocol MakesContainer: Command {
  var id: String { get set }
  var creation: CreateOptions { get set }
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

/// `create`: makes a container that waits for `start`.
struct Create: MakesContainer {
  static var name: StaticString { "create" }
  static var summary: StaticString { "make a container, which waits for start" }

  var id = ""
  var creation = CreateOptions()

  static func arguments(_ table: inout ArgumentTable<Create>) {
    Create.creationArguments(&table)
    table.required("ID") { $0.id = $1 }
  }

  func run(in session: Session) throws(Failure) -> Int32 {
    try session.store.create(ContainerID(id), creation)
    return 0
  }
}

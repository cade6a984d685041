import Linux
import Runtime

/// `kill`: sends a signal.
struct Kill: Command {
  static var name: StaticString { "kill" }
  static var summary: StaticString { "send a signal to a container's process" }
  static var discussion: StaticString {
    "SIGNAL is a number or a name, such as 9, KILL, SIGKILL or RTMIN+3 [TERM]. 0 asks whether a signal could be sent."
  }

  private var all = false
  private var regex = false
  private var id = ""
  private var signal = Signal.terminate

  static func arguments(_ table: inout ArgumentTable<Kill>) {
    table.flag("all", letter: "a", "send it to every process of the container") { $0.all = $1 }
    table.flag("regex", letter: "r", "ID is a regular expression: send it to all containers it fits") { $0.regex = $1 }
    table.required("ID") { $0.id = $1 }
    table.optional("SIGNAL", as: readSignal) { $0.signal = $1 }
  }

  func run(in session: Session) throws(Failure) -> Int32 {
    guard regex else {
      try session.store.kill(ContainerID(id), signal, all: all)
      return 0
    }
    try session.forEachContainer(matching: id) { (id) throws(Failure) in
      try session.store.kill(id, signal, all: all)
    }
    return 0
  }
}

private func readSignal(_ name: String) throws(Failure) -> Signal {
  if let signal = Signal(name) { return signal }
  throw Failure("unknown signal \"" + name + "\"")
}

extension Session {
  /// Does something to every container the pattern fits, whatever happens to the others; then fails as the first did.
  func forEachContainer(
    matching pattern: String, _ body: (ContainerID) throws(Failure) -> Void
  ) throws(Failure) {
    var failures: [Failure] = []
    for name in try filter(store.ids(), byPattern: pattern) {
      do { try body(ContainerID(name)) } catch { failures.append(error) }
    }
    guard let first = failures.first else { return }
    if failures.count == 1 { throw first }
    throw Failure(first.message + " (and " + String(failures.count - 1) + " more failed)", errno: first.errno)
  }
}

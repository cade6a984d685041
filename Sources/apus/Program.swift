import Linux
import Runtime

/// The program: global options, then a command.
enum Program {
  /// - Parameter arguments: without the program's name.
  /// - Returns: the exit status.
  static func run(_ arguments: [String]) -> Int32 {
    var globals = Globals()
    do throws(Failure) {
      guard try globals.parse(arguments) else { return try Help.printProgram() }
      if globals.version { return try Version().run(in: Session(globals)) }
    } catch {
      globals.log.error(error.message)
      return 1
    }
    guard let name = globals.command.first else {
      globals.log.error("no command given; apus --help lists the commands")
      return 1
    }
    guard let entry = Entry.named(name) else {
      globals.log.error(unknownCommand(name))
      return 1
    }
    return entry.run(Session(globals), Array(globals.command.dropFirst()))
  }

  static func unknownCommand(_ name: String) -> String {
    let message = "unknown command \"" + name + "\""
    if let near = closest(to: name, among: Entry.all.map { $0.name.description }) {
      return message + "; did you mean " + near + "?"
    }
    return message + "; apus --help lists the commands"
  }
}

/// A command without its type.
struct Entry {
  let name: StaticString
  let summary: StaticString
  let run: (Session, [String]) -> Int32
  let help: () -> String

  private init<C: Command>(_ command: C.Type) {
    name = C.name
    summary = C.summary
    run = { execute(C.self, in: $0, $1) }
    help = { Help.text(of: C.self) }
  }

  /// Goes through the commands, in the order of a container's life, until one is accepted. They are no array: see
  /// ``ArgumentTable``.
  private static func visit(_ accepts: (Entry) -> Bool) {
    if accepts(Entry(Create.self)) || accepts(Entry(Start.self)) || accepts(Entry(Run.self)) { return }
    if accepts(Entry(StateCommand.self)) || accepts(Entry(Kill.self)) || accepts(Entry(Delete.self)) { return }
    if accepts(Entry(Exec.self)) || accepts(Entry(Wait.self)) || accepts(Entry(Mounts.self)) { return }
    if accepts(Entry(Pause.self)) || accepts(Entry(Resume.self)) { return }
    if accepts(Entry(Checkpoint.self)) || accepts(Entry(Restore.self)) { return }
    if accepts(Entry(Update.self)) || accepts(Entry(Events.self)) { return }
    if accepts(Entry(List.self)) || accepts(Entry(Ps.self)) || accepts(Entry(Spec.self)) { return }
    if accepts(Entry(Check.self)) { return }
    _ = accepts(Entry(FeaturesCommand.self)) || accepts(Entry(Version.self)) || accepts(Entry(HelpCommand.self))
  }

  static var all: [Entry] {
    var all: [Entry] = []
    visit {
      all.append($0)
      return false
    }
    return all
  }

  static func named(_ name: String) -> Entry? {
    var found: Entry?
    visit {
      if $0.name.matches(name) { found = $0 }
      return found != nil
    }
    return found
  }
}

/// Reads a command's arguments, runs it, and reports how it failed: once, here.
private func execute<C: Command>(_ type: C.Type, in session: Session, _ arguments: [String]) -> Int32 {
  do throws(Failure) {
    let session = C.entersContainer ? try session.sealed() : session
    var command = C()
    guard try command.parse(arguments) else { return try Help.print(Help.text(of: C.self)) }
    session.log.debug(session.description + ": " + C.name.description)
    let status = try command.run(in: session)
    session.log.debug(C.name.description + ": done, exit status " + String(status))
    return status
  } catch {
    session.log.error(C.name.description + ": " + error.message)
    return C.failureStatus
  }
}

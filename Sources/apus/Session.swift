import Linux
import Runtime

/// What a command works with.
struct Session {
  let log: Log
  private var options: RuntimeOptions

  init(_ globals: Globals) {
    let log = globals.log
    self.log = log
    options = RuntimeOptions(
      root: globals.stateDirectory, cgroupManager: globals.cgroupManager, rootless: globals.rootless,
      warn: { log.warning($0) }, remark: { log.remark($0) })
  }

  var store: ContainerStore { ContainerStore(options) }

  /// The same, for a command that enters a container. Starts the program again unless its file is sealed.
  func sealed() throws(Failure) -> Session {
    var session = self
    session.options.seal = try ProgramSeal.affix()
    // Started by descriptor, it may have got that descriptor's number for a name.
    CurrentProcess.setName("apus")
    return session
  }

  /// Which program this is and how it was called, for the log.
  var description: String {
    "apus " + Build.version + " (" + Build.commit + "), user " + String(CurrentProcess.effectiveUID)
      + ", state directory " + options.root
  }
}

/// Writes to standard output; that this may fail (a full disk, a closed pipe) is a failure of the command.
func printOut(_ bytes: [UInt8]) throws(Failure) {
  try step("standard output") { () throws(SystemError) in try StandardStream.output.write(bytes) }
}

func printOut(_ text: String) throws(Failure) { try printOut(Array(text.utf8)) }

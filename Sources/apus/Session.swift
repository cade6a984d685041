import Linux
import Runtime

/// What a command works with.
struct Session {
  let log: Log
  let store: ContainerStore
  private let options: RuntimeOptions

  init(_ globals: Globals) {
    let log = globals.log
    self.log = log
    options = RuntimeOptions(
      root: globals.stateDirectory, cgroupManager: globals.cgroupManager, rootless: globals.rootless,
      warn: { log.warning($0) })
    store = ContainerStore(options)
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

// A program that embeds the library: makes, starts, watches and removes a container.
//
//   embedding ROOT BUNDLE ID
import Glibc
import Linux
import OCI
import Runtime

do throws(Failure) {
  // First of all: what enters a container may have no file that somebody in there could write to. Starts the program again.
  let seal = try ProgramSeal.affix()
  let arguments = CommandLine.arguments
  guard arguments.count == 4 else { throw Failure("usage: embedding ROOT BUNDLE ID") }
  let store = ContainerStore(
    RuntimeOptions(root: arguments[1], seal: seal, warn: { print("warning: " + $0) }))
  let id = try ContainerID(arguments[3])
  var options = CreateOptions()
  options.bundle = arguments[2]
  try store.create(id, options)
  print(try store.state(id).status)
  try store.start(id)
  for state in try store.list() { print(state.id, state.status) }
  try store.kill(id, .kill, all: false)
  print(try store.wait(id)?.code ?? -1)
  try store.delete(id, force: false)
} catch {
  print(error.message)
  exit(1)
}

import Linux
import OCI

/// `spec`: writes a configuration to start from.
struct Spec: Command {
  static var name: StaticString { "spec" }
  static var summary: StaticString { "write a config.json to start from" }
  static var discussion: StaticString { "It runs a shell on a terminal; the root file system is expected in rootfs." }

  private var bundle = "."
  private var file = "config.json"
  private var rootless = false

  static func arguments(_ table: inout ArgumentTable<Spec>) {
    table.value("bundle", letter: "b", "DIR", "the directory to write into [.]") { $0.bundle = $1 }
    table.value("file", letter: "f", "FILE", "the name of the file [config.json]") { $0.file = $1 }
    table.flag("rootless", "make it for the calling user, without privileges") { $0.rootless = $1 }
  }

  func run(in session: Session) throws(Failure) -> Int32 {
    var config = Config.example
    if rootless { config.makeRootless(uid: CurrentProcess.effectiveUID, gid: CurrentProcess.effectiveGID) }
    let json = config.json(pretty: true) + [UInt8(ascii: "\n")]
    let directory = try step("bundle \"" + bundle + "\"") { () throws(SystemError) in try Directory(path: bundle) }
    do {
      try write(json, in: directory)
    } catch {
      if error.errno == .fileExists {
        throw Failure(file + " already exists; remove it, or name another one with --file", errno: .fileExists)
      }
      throw Failure(file, error)
    }
    return 0
  }

  private func write(_ json: [UInt8], in directory: borrowing Directory) throws(SystemError) {
    // Exclusive: what stands there is somebody's work.
    let new = try directory.open(file, [.writeOnly, .create, .exclusive], mode: 0o644)
    do {
      try new.write(json)
    } catch {
      try? directory.remove(file)
      throw error
    }
  }
}

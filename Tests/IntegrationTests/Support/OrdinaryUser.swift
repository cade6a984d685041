import Foundation

/// Somebody who is not root, known on the machine for the length of a command only.
///
/// The command runs in a mount namespace of its own, in which /etc/passwd, /etc/subuid and /etc/subgid name the user.
struct OrdinaryUser {
  let id = 15_000
  /// The first id that the user may give away; `nil`: none.
  var subordinates: Int?

  static let name = "apus-test"
  /// How many ids the user may give away.
  static let size = 65536

  static let canBeUsed =
    Machine.isRoot && Machine.hasUserNamespaces && Machine.has("unshare") && Machine.has("setpriv")
    && ["passwd", "subuid", "subgid"].allSatisfy { Files.exists("/etc/" + $0) }

  static let canGiveIDs = canBeUsed && Machine.has("newuidmap")

  /// What comes in front of a command.
  ///
  /// - Parameter directory: for the files that the user is named in.
  func arguments(in directory: String) throws -> [String] {
    let ids = subordinates.map { "\(OrdinaryUser.name):\($0):\(OrdinaryUser.size)\n" } ?? ""
    let passwd = try Files.read("/etc/passwd") + "\(OrdinaryUser.name):x:\(id):\(id)::\(directory):/bin/sh\n"
    var script = ""
    for (name, text) in [("passwd", passwd), ("subuid", ids), ("subgid", ids)] {
      try Files.write(text, to: directory + "/." + name)
      script += "mount --bind \(directory)/.\(name) /etc/\(name) && "
    }
    // Whether the user may be where these tests were started nobody knows.
    script += "cd / && exec setpriv --reuid \(id) --regid \(id) --clear-groups \"$@\""
    return ["/usr/bin/env", "unshare", "--mount", "sh", "-c", script, "sh"]
  }

  /// The program under test, where everybody can reach it.
  static func runtime() throws -> String {
    let path = Scratch.directory + "/runtime"
    copying.lock()
    defer { copying.unlock() }
    if !Files.exists(path) {
      try FileManager.default.copyItem(atPath: Machine.runtime, toPath: path)
      chmod(path, 0o755)
    }
    return path
  }

  private static let copying = NSLock()
}

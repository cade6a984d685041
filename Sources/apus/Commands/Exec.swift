import Cgroups
import Linux
import Runtime

/// `exec`: runs a further process in a container.
struct Exec: Command {
  static var name: StaticString { "exec" }
  static var summary: StaticString { "run another program in a container" }
  static var discussion: StaticString {
    "The exit status is that of the program, 128 + N when signal N killed it; 255 when it was not run."
  }
  static var failureStatus: Int32 { 255 }
  static var entersContainer: Bool { true }

  private var id = ""
  private var options = ExecOptions()

  static func arguments(_ table: inout ArgumentTable<Exec>) {
    processArguments(&table)
    table.value("process", letter: "p", "FILE", "the process as JSON, like process of config.json; -: standard input") {
      $0.options.processFile = $1
    }
    table.flag("detach", letter: "d", "do not wait for the end") { $0.options.detach = $1 }
    table.value("pid-file", "FILE", "file that gets the process id") { $0.options.pidFile = $1 }
    table.value("console-socket", "SOCKET", "unix socket that gets the terminal's descriptor") {
      $0.options.consoleSocket = $1
    }
    table.value("pidfd-socket", "SOCKET", "unix socket that gets a pidfd of the process") {
      $0.options.pidfdSocket = $1
    }
    table.value("preserve-fds", "N", "pass so many descriptors, from 3 on, besides those of LISTEN_FDS [0]", as: count)
    {
      $0.options.preserveFDs = $1
    }
    table.value("cgroup", "PATH", "cgroup below the container's; on v1 also CONTROLLER,…:PATH, more than once") {
      $0.options.cgroups.append(Subgroup($1))
    }
    table.flag("ignore-paused", "join a paused container; the program waits until it is resumed") {
      $0.options.ignorePaused = $1
    }
    table.required("ID") { $0.id = $1 }
    table.rest("COMMAND") { $0.options.changes.arguments = $1 }
  }

  /// What the process is like.
  private static func processArguments(_ table: inout ArgumentTable<Exec>) {
    table.value("cwd", "DIR", "working directory in the container") { $0.options.changes.cwd = $1 }
    table.value("env", letter: "e", "NAME=VALUE", "set a variable; may be given more than once") {
      $0.options.changes.environment.append($1)
    }
    table.flag("tty", letter: "t", "give the program a terminal") { $0.options.changes.terminal = $1 }
    table.value("user", letter: "u", "UID[:GID]", "user and group, by number", as: readUser) {
      $0.options.changes.uid = $1.uid
      if let gid = $1.gid { $0.options.changes.gid = gid }
    }
    table.value("additional-gids", letter: "g", "GID", "add a group; may be given more than once", as: readID) {
      $0.options.changes.additionalGroups.append($1)
    }
    table.value("process-label", "LABEL", "SELinux label") { $0.options.changes.selinuxLabel = $1 }
    table.value("apparmor", "PROFILE", "AppArmor profile") { $0.options.changes.apparmorProfile = $1 }
    table.flag("no-new-privs", "set no_new_privs") { $0.options.changes.noNewPrivileges = $1 }
    table.value("cap", letter: "c", "NAME", "add a capability; may be given more than once", as: readCapability) {
      $0.options.changes.capabilities.append($1)
    }
  }

  func run(in session: Session) throws(Failure) -> Int32 { try session.store.exec(ContainerID(id), options) }
}

/// Who a process runs as, as far as it was said.
private struct UserOption {
  var uid: UInt32
  var gid: UInt32?
}

/// Numbers are read whole (CVE-2026-30892): what is not one must not become root.
private func readID(_ text: String) throws(Failure) -> UInt32 {
  // The largest one means "leave it as it is" (setresuid(2)).
  if let number = decimal(text.utf8), number < UInt64(UInt32.max) { return UInt32(number) }
  throw Failure("\"" + text + "\" is no number from 0 to 4294967294")
}

private func readUser(_ text: String) throws(Failure) -> UserOption {
  guard let colon = text.utf8.firstIndex(of: UInt8(ascii: ":")) else {
    return UserOption(uid: try readID(text), gid: nil)
  }
  let group = String(text[text.utf8.index(after: colon)...])
  return UserOption(uid: try readID(String(text[..<colon])), gid: try readID(group))
}

/// `CAP_KILL`, `cap_kill` or `kill`.
private func readCapability(_ text: String) throws(Failure) -> String {
  let name = text.uppercased()
  for candidate in [name, "CAP_" + name] where CapabilitySet(name: candidate) != nil { return candidate }
  throw Failure("unknown capability \"" + text + "\"")
}

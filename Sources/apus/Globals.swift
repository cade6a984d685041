import Linux
import Runtime

/// The options before the command.
struct Globals: Configurable {
  var root: String?
  var log = Log()
  var cgroupManager = CgroupManager.cgroupfs
  var rootless = Rootless.auto
  var version = false
  /// The command and its arguments.
  var command: [String] = []

  static var usage: String { "apus [OPTIONS] COMMAND [ARGUMENTS]" }

  static func arguments(_ table: inout ArgumentTable<Globals>) {
    table.value(
      "root", "DIR", "directory of the containers' states [/run/apus; rootless: $XDG_RUNTIME_DIR/apus]", as: nonEmpty
    ) { $0.root = $1 }
    table.value("log", "FILE", "for errors, too, and what --debug tells: a path, journald:NAME or syslog:NAME") {
      $0.log.destination = $1.isEmpty ? nil : Log.Destination($1)
    }
    table.value("log-format", "FORMAT", "text or json [text]", as: choice) { $0.log.format = $1 }
    table.value("log-level", "LEVEL", "error, warning, info or debug [info]", as: choice) { $0.log.level = $1 }
    table.flag("debug", "the same as --log-level debug") { if $1 { $0.log.level = .debug } }
    table.flag("systemd-cgroup", "the same as --cgroup-manager systemd") { if $1 { $0.cgroupManager = .systemd } }
    table.value(
      "cgroup-manager", "NAME", "who makes cgroups: cgroupfs, systemd or disabled [cgroupfs]", as: readCgroupManager
    ) { $0.cgroupManager = $1 }
    table.value("rootless", "BOOL", "true, false or auto: look who is asking [auto]", as: choice) { $0.rootless = $1 }
    table.flag("version", letter: "v", "print the versions of program, specification and library") { $0.version = $1 }
    table.command("COMMAND") { $0.command = $1 }
  }

  /// Where the states of the containers are. Root of a user namespace who calls itself root is the root of a container in
  /// which this runs: its /run is its own.
  var stateDirectory: String {
    if let root { return root }
    guard let directory = Environment["XDG_RUNTIME_DIR"], rootless.holds else { return "/run/apus" }
    if CurrentProcess.effectiveUID == 0 && Environment["USER"] == "root" { return "/run/apus" }
    return directory + "/apus"
  }
}

private func readCgroupManager(_ name: String) throws(Failure) -> CgroupManager {
  enum Name: String, CaseIterable { case cgroupfs, systemd, disabled }
  let name: Name = try choice(name)
  switch name {
  case .cgroupfs: return .cgroupfs
  case .systemd: return .systemd
  case .disabled: return .disabled
  }
}

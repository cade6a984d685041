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

  /// Whether the caller is an ordinary user, whose containers live in a directory of their own.
  enum Rootless: String, CaseIterable {
    case `true`, `false`, auto
  }

  static var options: [Option<Globals>] {
    [
      .value("root", "DIR", "directory of the containers' states [/run/apus; rootless: $XDG_RUNTIME_DIR/apus]") {
        (globals, path) throws(Failure) in
        if path.isEmpty { throw Failure("the path is empty") }
        globals.root = path
      },
      .value("log", "FILE", "write errors, and what --debug tells, into this file as well") {
        $0.log.path = $1.isEmpty ? nil : $1
      },
      .value("log-format", "FORMAT", "text or json [text]") { $0.log.format = try choice($1) },
      .value("log-level", "LEVEL", "error, warning, info or debug [info]") { $0.log.level = try choice($1) },
      .flag("debug", "the same as --log-level debug") { if $1 { $0.log.level = .debug } },
      .flag("systemd-cgroup", "the same as --cgroup-manager systemd") { if $1 { $0.cgroupManager = .systemd } },
      .value("cgroup-manager", "NAME", "who makes cgroups: cgroupfs, systemd or disabled [cgroupfs]") {
        let name: CgroupManagerName = try choice($1)
        $0.cgroupManager = name.manager
      },
      .value("rootless", "BOOL", "true, false or auto: look who is asking [auto]") { $0.rootless = try choice($1) },
      .flag("version", letter: "v", "print the versions of program, specification and library") { $0.version = $1 },
    ]
  }

  static var operands: [Operand<Globals>] {
    [.command("COMMAND") { $0.command = $1 }]
  }

  /// Where the states of the containers are.
  var stateDirectory: String {
    if let root { return root }
    guard let directory = Environment["XDG_RUNTIME_DIR"], isRootless else { return "/run/apus" }
    return directory + "/apus"
  }

  private var isRootless: Bool {
    switch rootless {
    case .true: return true
    case .false: return false
    case .auto: return CurrentProcess.effectiveUID != 0 || !CurrentProcess.isInInitialUserNamespace
    }
  }
}

/// As it is written on the command line.
private enum CgroupManagerName: String, CaseIterable {
  case cgroupfs, systemd, disabled

  var manager: CgroupManager {
    switch self {
    case .cgroupfs: return .cgroupfs
    case .systemd: return .systemd
    case .disabled: return .disabled
    }
  }
}

import Cgroups
import Linux
import OCI
import Sandbox

/// Writes a pid for others to read; they see all of it or nothing.
func writePIDFile(_ path: String, _ pid: Int32) throws(Failure) {
  let (directory, name) = pidFilePlace(path)
  try step("--pid-file") { () throws(SystemError) in
    try Directory(path: directory, [.path]).replace(name, with: Array(String(pid).utf8), mode: 0o644)
  }
}

/// Takes the file back when the process does not come to be.
func removePIDFile(_ path: String) {
  let (directory, name) = pidFilePlace(path)
  try? Directory(path: directory, [.path]).remove(name)
}

private func pidFilePlace(_ path: String) -> (directory: String, name: String) {
  let (parent, name) = splitPath(path.hasPrefix("/") ? path : "./" + path)
  return (path.hasPrefix("/") ? parent : "." + parent, name)
}

/// Sends a pidfd of the process to a listening socket.
func sendPIDFD(_ path: String, _ pid: Int32) throws(Failure) {
  try step("--pidfd-socket") { () throws(SystemError) in
    let process = try PIDFD(pid)
    try Socket.connect(stream: path).send(Array("pidfd".utf8), descriptor: process.descriptor.number)
  }
}

/// The name of a user in /etc/passwd, or the number.
func userName(_ uid: UInt32) -> String {
  if uid == 0 { return "root" }
  if let bytes = try? readFile("/etc/passwd") {
    for fields in colonSeparated(bytes) where fields.count > 2 && decimal(fields[2]) == UInt64(uid) {
      return String(decoding: fields[0], as: UTF8.self)
    }
  }
  return String(uid)
}

extension ContainerStore {
  /// The cgroup the configuration names, with the driver the caller chose.
  func cgroup(for id: ContainerID, _ config: Config) throws(Failure) -> Cgroup {
    let path = config.linux?.cgroupsPath
    switch options.cgroupManager {
    case .disabled: return .disabled
    case .systemd:
      let scope = try SystemdScope(
        cgroupsPath: path, id: id.text, isUser: !CurrentProcess.isPrivileged,
        subgroup: config.annotations["run.oci.systemd.subgroup"] ?? "")
      return try Cgroup(scope: scope, in: try CgroupLayout.detect())
    case .cgroupfs:
      let named = path.flatMap { $0.isEmpty ? nil : $0 }
      return try Cgroup(path: named ?? Cgroup.defaultPath(id: id.text), in: try CgroupLayout.detect())
    }
  }
}

extension ProcessPlan {
  /// Which descriptors the program keeps: the caller's choice, and those of socket activation (sd_listen_fds(3)).
  mutating func setPreserved(_ count: Int32) throws(Failure) {
    if let text = Environment["LISTEN_FDS"] {
      guard let number = decimal(text.utf8), number <= 1024 else {
        throw Failure("LISTEN_FDS: expected a number of descriptors, found \"" + text + "\"")
      }
      listenDescriptors = Int32(number)
    }
    preservedDescriptors = count + listenDescriptors
    for number in 3..<(3 + preservedDescriptors) where !Descriptor.isOpen(number) {
      throw Failure("--preserve-fds: descriptor " + String(number) + " is not open")
    }
  }
}

extension ProcessPlan {
  /// Who gets the terminal must be clear.
  func checkTerminal(consoleSocket: String?, isAttached: Bool) throws(Failure) {
    if terminal && !isAttached && consoleSocket == nil {
      throw Failure("process.terminal is true: a process that is not attached needs --console-socket")
    }
    if !terminal && consoleSocket != nil {
      throw Failure("--console-socket: process.terminal is not true, so there is no terminal to send")
    }
  }
}

extension Config.Linux.Resources {
  /// Every container may make device files, and use the default devices, its terminals and, as with runc and crun, TUN/TAP:
  /// the interfaces appear in network namespaces over which a process has CAP_NET_ADMIN, and nowhere else.
  mutating func addDefaultDevices() {
    typealias Rule = DeviceRule
    var rules = [
      Rule(allow: true, type: .character, access: "m"), Rule(allow: true, type: .block, access: "m"),
    ]
    let numbers: [(Int64, Int64?)] = [
      (1, 3), (1, 5), (1, 7), (1, 8), (1, 9), (5, 0), (5, 1), (5, 2), (10, 200), (136, nil),
    ]
    for (major, minor) in numbers {
      rules.append(Rule(allow: true, type: .character, major: major, minor: minor, access: "rwm"))
    }
    devices += rules
  }
}

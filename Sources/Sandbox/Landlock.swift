import Linux
import OCI

/// Which files and ports the program gets to, by annotations `org.apus.landlock.*`: a wall of its own beside the mounts,
/// the capabilities and the system call filter.
public struct LandlockPlan: Equatable, Sendable {
  /// Absolute paths inside the container.
  public var readOnly: [String] = []
  public var readWrite: [String] = []
  public var execute: [String] = []
  /// Whether files are restricted: then what is not listed cannot be opened.
  public var restrictsFiles = false
  public var restrictsBind = false
  public var bindPorts: [UInt16] = []
  public var restrictsConnect = false
  public var connectPorts: [UInt16] = []

  private static let prefix = "org.apus.landlock."

  /// - Returns: `nil` when no annotation speaks of it.
  public static func of(_ annotations: StringMap) throws(Failure) -> LandlockPlan? {
    var plan: LandlockPlan?
    for entry in annotations where entry.key.hasPrefix(prefix) {
      var next = plan ?? LandlockPlan()
      try next.add(entry.key, entry.value)
      plan = next
    }
    return plan
  }

  private mutating func add(_ key: String, _ value: String) throws(Failure) {
    switch key.dropFirst(LandlockPlan.prefix.count) {
    case "read-only": readOnly = try paths(key, value)
    case "read-write": readWrite = try paths(key, value)
    case "execute": execute = try paths(key, value)
    case "bind-tcp": (restrictsBind, bindPorts) = (true, try LandlockPlan.ports(key, value))
    case "connect-tcp": (restrictsConnect, connectPorts) = (true, try LandlockPlan.ports(key, value))
    default:
      throw Failure(
        "config.json: annotations: \"" + key
          + "\" is not known; there are read-only, read-write, execute, bind-tcp and connect-tcp")
    }
  }

  /// `/usr:/etc`.
  private mutating func paths(_ key: String, _ value: String) throws(Failure) -> [String] {
    restrictsFiles = true
    let paths = value.split(separator: ":").map { String($0) }
    if let path = paths.first(where: { !$0.hasPrefix("/") }) {
      throw Failure("config.json: annotations: " + key + ": \"" + path + "\" is no absolute path")
    }
    return paths
  }

  /// `80,443`.
  private static func ports(_ key: String, _ value: String) throws(Failure) -> [UInt16] {
    var ports: [UInt16] = []
    for word in value.split(separator: ",") {
      guard let port = decimal(word.utf8).flatMap({ UInt16(exactly: $0) }) else {
        throw Failure("config.json: annotations: " + key + ": \"" + String(word) + "\" is no port")
      }
      ports.append(port)
    }
    return ports
  }

  // MARK: carrying out

  /// Fails where the kernel cannot do it: nothing is to run with less than was asked for.
  static func check(_ plan: LandlockPlan) throws(Failure) {
    let version = try step(
      "org.apus.landlock",
      hint: { _ in "Landlock is not in this kernel, or not among its security modules (lsm= on its command line)" }
    ) { () throws(SystemError) in try Landlock.version() }
    if (plan.restrictsBind || plan.restrictsConnect) && version < Landlock.versionWithPorts {
      throw Failure(
        "org.apus.landlock: TCP ports need Linux 6.7; this kernel has version " + String(version) + " of Landlock")
    }
  }

  /// The rules, by the paths of the root the process is in; to be enforced later.
  func ruleset() throws(Failure) -> Int32 {
    try LandlockPlan.check(self)
    return try step("org.apus.landlock") { () throws(SystemError) in
      var ports: Landlock.PortAccess = []
      if restrictsBind { ports.insert(.bind) }
      if restrictsConnect { ports.insert(.connect) }
      let rules = try Landlock(files: restrictsFiles, ports: ports)
      let read: Landlock.Access = [.readFile, .readDirectory]
      for path in readOnly { try rules.allow(read, below: path) }
      for path in readWrite {
        try rules.allow(Landlock.Access(rawValue: UInt64.max).subtracting(.execute), below: path)
      }
      for path in execute { try rules.allow(read.union(.execute), below: path) }
      for port in bindPorts { try rules.allow(.bind, port: port) }
      for port in connectPorts { try rules.allow(.connect, port: port) }
      return rules.intoDescriptor().release()
    }
  }
}

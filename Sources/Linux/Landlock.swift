import CLinux

/// Rules about files and ports that a process gives itself and cannot take back (landlock(7), Linux 5.13).
public struct Landlock: ~Copyable {
  private let ruleset: Descriptor
  private let handled: Access

  /// What can be done to a file, or below a directory (`LANDLOCK_ACCESS_FS_`).
  public struct Access: OptionSet, Sendable, Equatable {
    public let rawValue: UInt64
    public init(rawValue: UInt64) { self.rawValue = rawValue }

    public static let execute = Access(rawValue: 1 << 0)
    public static let writeFile = Access(rawValue: 1 << 1)
    public static let readFile = Access(rawValue: 1 << 2)
    public static let readDirectory = Access(rawValue: 1 << 3)
    public static let truncate = Access(rawValue: 1 << 14)
    public static let ioctl = Access(rawValue: 1 << 15)

    /// What makes sense for files that are no directories.
    static let ofFiles: Access = [.execute, .writeFile, .readFile, .truncate, .ioctl]

    /// Everything that a version of the interface knows.
    static func known(to version: Int32) -> Access {
      switch version {
      case 1: return Access(rawValue: 1 << 13 - 1)
      case 2: return Access(rawValue: 1 << 14 - 1)
      case 3, 4: return Access(rawValue: 1 << 15 - 1)
      default: return Access(rawValue: 1 << 16 - 1)
      }
    }
  }

  /// What can be done with a TCP port (`LANDLOCK_ACCESS_NET_`, Linux 6.7).
  public struct PortAccess: OptionSet, Sendable, Equatable {
    public let rawValue: UInt64
    public init(rawValue: UInt64) { self.rawValue = rawValue }

    public static let bind = PortAccess(rawValue: 1 << 0)
    public static let connect = PortAccess(rawValue: 1 << 1)
  }

  /// The version of the interface with which TCP ports came.
  public static let versionWithPorts: Int32 = 4

  /// The version of the interface that the running kernel has.
  public static func version() throws(SystemError) -> Int32 {
    try check("landlock_create_ruleset", clx_landlock_version())
  }

  /// Rules that forbid all there is of the given kinds; to be followed by what is allowed.
  public init(files: Bool, ports: PortAccess) throws(SystemError) {
    let version = try Landlock.version()
    let handled = files ? Access.known(to: version) : []
    let ruleset = Descriptor(
      taking: try check(
        "landlock_create_ruleset",
        clx_landlock_create(
          handled.rawValue, ports.rawValue, version >= Landlock.versionWithPorts ? 1 : 0)))
    self.handled = handled
    self.ruleset = ruleset
  }

  /// Allows something to a file, or to everything below a directory.
  public func allow(_ access: Access, below path: String) throws(SystemError) {
    let file = try openFile(path, .path)
    var access = access.intersection(handled)
    if try !file.status().isDirectory { access.formIntersection(.ofFiles) }
    try check("landlock_add_rule", on: path, clx_landlock_allow_path(ruleset.number, access.rawValue, file.number))
  }

  public func allow(_ access: PortAccess, port: UInt16) throws(SystemError) {
    try check(
      "landlock_add_rule", on: String(port), clx_landlock_allow_port(ruleset.number, access.rawValue, UInt64(port)))
  }

  /// The rules, to be enforced later.
  public consuming func intoDescriptor() -> Descriptor { ruleset }

  /// Binds the calling process to the rules. Takes no_new_privs, or CAP_SYS_ADMIN.
  public static func enforce(_ ruleset: borrowing Descriptor) throws(SystemError) {
    try check("landlock_restrict_self", clx_landlock_restrict(ruleset.number))
  }
}

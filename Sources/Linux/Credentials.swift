import CLinux

/// A set of capabilities (capabilities(7)): one bit each, as the kernel numbers them.
public struct CapabilitySet: OptionSet, Sendable, Equatable {
  public let rawValue: UInt64
  public init(rawValue: UInt64) { self.rawValue = rawValue }

  public static let setgid = CapabilitySet(rawValue: 1 << 6)
  public static let setuid = CapabilitySet(rawValue: 1 << 7)
  public static let sysResource = CapabilitySet(rawValue: 1 << 24)

  /// The kernel's names in the kernel's order: the position is the number.
  public static let names: [StaticString] = [
    "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_SETGID",
    "CAP_SETUID", "CAP_SETPCAP", "CAP_LINUX_IMMUTABLE", "CAP_NET_BIND_SERVICE", "CAP_NET_BROADCAST", "CAP_NET_ADMIN",
    "CAP_NET_RAW", "CAP_IPC_LOCK", "CAP_IPC_OWNER", "CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_SYS_CHROOT",
    "CAP_SYS_PTRACE", "CAP_SYS_PACCT", "CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_NICE", "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG", "CAP_MKNOD", "CAP_LEASE", "CAP_AUDIT_WRITE", "CAP_AUDIT_CONTROL",
    "CAP_SETFCAP", "CAP_MAC_OVERRIDE", "CAP_MAC_ADMIN", "CAP_SYSLOG", "CAP_WAKE_ALARM", "CAP_BLOCK_SUSPEND",
    "CAP_AUDIT_READ", "CAP_PERFMON", "CAP_BPF", "CAP_CHECKPOINT_RESTORE",
  ]

  /// The capability of that name, in capital letters with the prefix; `nil` when the name is unknown.
  public init?(name: String) {
    guard let number = CapabilitySet.names.firstIndex(where: { $0.matches(name) }) else { return nil }
    self.init(rawValue: 1 << UInt64(number))
  }

  /// The names of the members.
  public var memberNames: [String] {
    CapabilitySet.names.indices.filter { rawValue >> UInt64($0) & 1 == 1 }.map { CapabilitySet.names[$0].description }
  }
}

/// The calling process's own credentials (credentials(7)).
public enum Credentials {
  /// Effective, permitted and inheritable capabilities. See capget(2).
  public static func capabilities() throws(SystemError) -> (
    effective: CapabilitySet, permitted: CapabilitySet, inheritable: CapabilitySet
  ) {
    var effective: UInt64 = 0
    var permitted: UInt64 = 0
    var inheritable: UInt64 = 0
    try check("capget", unsafe clx_capget(&effective, &permitted, &inheritable))
    return (.init(rawValue: effective), .init(rawValue: permitted), .init(rawValue: inheritable))
  }

  public static func setCapabilities(
    effective: CapabilitySet, permitted: CapabilitySet, inheritable: CapabilitySet
  ) throws(SystemError) {
    try check("capset", clx_capset(effective.rawValue, permitted.rawValue, inheritable.rawValue))
  }

  /// Drops from the bounding set what is not in `keep`. See prctl(2), PR_CAPBSET_DROP.
  public static func limitBounding(to keep: CapabilitySet) throws(SystemError) {
    for number in UInt(0)..<64 where keep.rawValue >> UInt64(number) & 1 == 0 {
      let result = clx_prctl(PR_CAPBSET_DROP, number, 0, 0, 0)
      if result == -EINVAL { return }  // past the last capability of this kernel
      try check("prctl", on: "PR_CAPBSET_DROP", result)
    }
  }

  /// Makes the ambient set equal to `set`. See prctl(2), PR_CAP_AMBIENT, Linux 4.3.
  ///
  /// - Returns: the members that could not be raised because they are not both permitted and inheritable.
  public static func setAmbient(_ set: CapabilitySet) throws(SystemError) -> CapabilitySet {
    try check("prctl", on: "PR_CAP_AMBIENT", clx_prctl(PR_CAP_AMBIENT, UInt(PR_CAP_AMBIENT_CLEAR_ALL), 0, 0, 0))
    var refused: CapabilitySet = []
    for number in UInt(0)..<64 where set.rawValue >> UInt64(number) & 1 == 1 {
      let result = clx_prctl(PR_CAP_AMBIENT, UInt(PR_CAP_AMBIENT_RAISE), number, 0, 0)
      if result == -EPERM {
        refused.insert(CapabilitySet(rawValue: 1 << UInt64(number)))
      } else {
        try check("prctl", on: "PR_CAP_AMBIENT", result)
      }
    }
    return refused
  }

  /// Keeps the permitted set over a change of user id. See prctl(2), PR_SET_KEEPCAPS.
  public static func setKeepCapabilities(_ on: Bool) throws(SystemError) {
    try check("prctl", on: "PR_SET_KEEPCAPS", clx_prctl(PR_SET_KEEPCAPS, on ? 1 : 0, 0, 0, 0))
  }

  public static func setSupplementaryGroups(_ groups: [UInt32]) throws(SystemError) {
    try check("setgroups", unsafe groups.withUnsafeBufferPointer { unsafe clx_setgroups($0.count, $0.baseAddress) })
  }

  /// Sets real, effective and saved group id. See setresgid(2).
  public static func setGroup(_ gid: UInt32) throws(SystemError) {
    try check("setresgid", on: String(gid), clx_setresgid(gid, gid, gid))
  }

  /// Becomes group 0, where the user namespace has such a group.
  public static func becomeRootGroupIfMapped() throws(SystemError) {
    let result = clx_setresgid(0, 0, 0)
    if result != -EINVAL { try check("setresgid", on: "0", result) }
  }

  /// Becomes user 0, where the user namespace has such a user.
  public static func becomeRootIfMapped() throws(SystemError) {
    let result = clx_setresuid(0, 0, 0)
    if result != -EINVAL { try check("setresuid", on: "0", result) }
  }

  /// Whether a user of this machine can reach the path. See access(2), which asks for the real ids: only these change for a moment.
  public static func canReach(_ path: String, uid: UInt32, gid: UInt32) throws(SystemError) -> Bool {
    try check("setresgid", on: String(gid), clx_setresgid(gid, UInt32.max, UInt32.max))
    try check("setresuid", on: String(uid), clx_setresuid(uid, UInt32.max, UInt32.max))
    let result = unsafe clx_faccessat(Int32(CLX_AT_FDCWD), path, F_OK, 0)
    try check("setresuid", on: "0", clx_setresuid(0, UInt32.max, UInt32.max))
    try check("setresgid", on: "0", clx_setresgid(0, UInt32.max, UInt32.max))
    return result != -EACCES
  }

  /// Sets the effective group id alone: to look at files with a user's rights. See setegid(2).
  public static func setEffectiveGroup(_ gid: UInt32) throws(SystemError) {
    try check("setresgid", on: String(gid), clx_setresgid(UInt32.max, gid, UInt32.max))
  }

  /// Sets the effective user id alone; the real and saved ones lead back. See seteuid(2).
  public static func setEffectiveUser(_ uid: UInt32) throws(SystemError) {
    try check("setresuid", on: String(uid), clx_setresuid(UInt32.max, uid, UInt32.max))
  }

  /// Sets real, effective and saved user id. See setresuid(2).
  public static func setUser(_ uid: UInt32) throws(SystemError) {
    try check("setresuid", on: String(uid), clx_setresuid(uid, uid, uid))
  }
}

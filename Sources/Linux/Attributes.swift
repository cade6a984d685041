import CLinux

/// What else a process can be told about itself before it becomes another program.
public enum ProcessAttributes {
  /// Sets the execution domain. See personality(2).
  public static func setPersonality(_ persona: UInt) throws(SystemError) {
    try check("personality", clx_personality(persona))
  }

  /// Joins a new, empty session keyring. See keyctl(2), KEYCTL_JOIN_SESSION_KEYRING.
  ///
  /// The possessor of the keyring gets every right on it; the user may view, read and search.
  public static func joinSessionKeyring(_ name: String) throws(SystemError) {
    let key = try check(
      "keyctl", on: name, unsafe clx_keyctl(KEYCTL_JOIN_SESSION_KEYRING, name))
    // Possessor all, user view|read|search: a process that changes its user id can still use its keyring.
    try check("keyctl", on: name, clx_keyctl_setperm(Int32(truncatingIfNeeded: key), 0x3f0b_0000))
  }

  /// Sets the I/O scheduling class and priority. See ioprio_set(2).
  public static func setIOPriority(class kind: Int32, priority: Int32) throws(SystemError) {
    try check("ioprio_set", clx_ioprio_set(1 /* IOPRIO_WHO_PROCESS */, 0, kind << 13 | priority))
  }

  /// Sets the scheduling policy. Times in nanoseconds. See sched_setattr(2).
  public static func setScheduler(
    policy: UInt32, flags: UInt64, nice: Int32, priority: UInt32, runtime: UInt64, deadline: UInt64, period: UInt64
  ) throws(SystemError) {
    var attributes = clx_sched_attr(
      size: 0, policy: policy, flags: flags, nice: nice, priority: priority, runtime: runtime, deadline: deadline,
      period: period, util_min: 0, util_max: 0)
    try check("sched_setattr", unsafe clx_sched_setattr(0, &attributes))
  }

  /// Sets the CPUs the process may run on, as a bit mask of words. See sched_setaffinity(2).
  public static func setAffinity(_ mask: [UInt64], of pid: Int32 = 0) throws(SystemError) {
    let result = unsafe mask.withUnsafeBytes { unsafe clx_sched_setaffinity(pid, $0.count, $0.baseAddress) }
    try check("sched_setaffinity", result)
  }

  /// Sets the NUMA memory policy. See set_mempolicy(2).
  public static func setMemoryPolicy(mode: Int32, nodes: [UInt]) throws(SystemError) {
    let bits = UInt(nodes.count * 64)
    let result = unsafe nodes.withUnsafeBufferPointer {
      unsafe clx_set_mempolicy(mode, $0.isEmpty ? nil : $0.baseAddress, $0.isEmpty ? 0 : bits + 1)
    }
    try check("set_mempolicy", result)
  }

  /// Loads a seccomp filter: `instructions` is an array of struct sock_filter, eight bytes each. See seccomp(2).
  public static func loadFilter(_ instructions: [UInt8], flags: UInt = 0) throws(SystemError) -> Descriptor? {
    let count = UInt16(instructions.count / 8)
    let result = unsafe instructions.withUnsafeBytes { unsafe clx_seccomp_load($0.baseAddress, count, flags) }
    try check("seccomp", result)
    // SECCOMP_FILTER_FLAG_NEW_LISTENER answers with a descriptor.
    return flags & 8 != 0 ? Descriptor(taking: result) : nil
  }

  /// Brings a network interface of this namespace up. See netdevice(7).
  public static func bringInterfaceUp(_ name: String) throws(SystemError) {
    try check("ioctl", on: "SIOCSIFFLAGS " + name, unsafe clx_interface_up(name))
  }
}

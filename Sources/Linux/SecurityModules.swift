import CLinux

/// The kernel's security modules, as far as a container can be labelled for them.
public enum SecurityModules {
  /// See apparmor(7).
  public static var hasAppArmor: Bool {
    (try? openFile("/sys/module/apparmor/parameters/enabled").read(upTo: 1)) == [UInt8(ascii: "Y")]
  }

  /// See selinux(8).
  public static var hasSELinux: Bool { pathExists("/sys/fs/selinux/enforce") }

  /// Writes a label of the calling process that counts from now on: `exec`, `keycreate` or `sockcreate`; empty: none. See
  /// proc_pid_attr(5).
  ///
  /// Through a proc of our own: a label that went into another file would leave the process without (CVE-2019-16884).
  public static func write(_ label: String, to attribute: String) throws(SystemError) {
    let proc = try Procfs(processesOnly: true)
    try proc.write(label, to: proc.own() + "/attr/" + attribute)
  }

  /// Runs the body with every socket it makes carrying the label; `nil`: as they come.
  public static func withSocketLabel<R: ~Copyable>(_ label: String?, _ body: () throws(SystemError) -> R)
    throws(SystemError) -> R
  {
    guard let label else { return try body() }
    try write(label, to: "sockcreate")
    let result: R
    do throws(SystemError) {
      result = try body()
    } catch {
      try? write("", to: "sockcreate")
      throw error
    }
    try write("", to: "sockcreate")
    return result
  }
}

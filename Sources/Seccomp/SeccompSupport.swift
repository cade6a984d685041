import OCI

/// What this build and the running kernel can do, for the `features` document (features-linux.md, "Seccomp").
public enum SeccompSupport {
  /// Actions that profiles may name.
  public static var actions: [Config.Seccomp.Action] { Config.Seccomp.Action.allCases }

  /// Comparisons that profiles may name.
  public static var operators: [Config.Seccomp.Operator] { Config.Seccomp.Operator.allCases }

  /// Architectures that the library knows.
  public static var architectures: [Config.Seccomp.Architecture] {
    Config.Seccomp.Architecture.allCases.filter { Library.token(of: $0) != nil }
  }

  /// Flags that profiles may name.
  public static var knownFlags: [Config.Seccomp.Flag] { Config.Seccomp.Flag.allCases }

  /// Flags that the running kernel accepts.
  public static var supportedFlags: [Config.Seccomp.Flag] {
    knownFlags.filter { flag in
      switch flag {
      case .tsync: Library.kernelKnows(flags: SeccompFlags.tsync)
      case .log: Library.kernelKnows(flags: SeccompFlags.log)
      case .specAllow: Library.kernelKnows(flags: SeccompFlags.specAllow)
      case .waitKillableRecv: Library.kernelKnows(flags: SeccompFlags.waitKillableRecv | SeccompFlags.newListener)
      }
    }
  }

  /// The library's version, for example `2.5.4`.
  public static var libraryVersion: String {
    let (major, minor, micro) = Library.version
    return String(major) + "." + String(minor) + "." + String(micro)
  }
}

import Linux
import OCI

/// A system call filter, ready to be loaded.
public struct SeccompProgram: Equatable, Sendable {
  /// Array of struct sock_filter, eight bytes each: what `ProcessAttributes.loadFilter` takes.
  public var instructions: [UInt8]
  /// SECCOMP_FILTER_FLAG_ bits of seccomp(2).
  public var flags: UInt
  /// The socket that gets the notification descriptor (config-linux.md, "listenerPath"); `nil` when nobody listens.
  public var listenerPath: String?
  /// Sent along in the container process state.
  public var listenerMetadata: String?

  /// Whether loading the program makes a notification descriptor, which belongs to the listener.
  public var notifies: Bool { flags & SeccompFlags.newListener != 0 }

  /// Compiles a profile, or takes its program from the cache.
  ///
  /// - Parameters:
  ///   - cache: where compiled programs are kept; `nil`: compile.
  ///   - failOnUnknownSyscall: whether a name that libseccomp does not know is an error (annotation
  ///     `run.oci.seccomp_fail_unknown_syscall`) instead of left to the default action.
  /// - Throws: what is wrong with the profile, with the property's path in config.json. Troubles of the cache are none.
  public static func program(
    for profile: Config.Seccomp, cache: SeccompCache? = nil, failOnUnknownSyscall: Bool = false
  ) throws(Failure) -> SeccompProgram {
    let notifies =
      profile.defaultAction == .notify || profile.syscalls.contains { $0.action == .notify }
    if notifies && profile.listenerPath == nil {
      throw Failure("linux.seccomp.listenerPath: missing; SCMP_ACT_NOTIFY needs a socket that listens")
    }
    if notifies { try checkHandOver(profile) }
    if profile.listenerMetadata != nil && profile.listenerPath == nil {
      throw Failure("linux.seccomp.listenerMetadata: set without listenerPath")
    }
    let flags = try SeccompFlags.bits(of: profile, notifies: notifies)

    let key = SeccompCache.Key(profile, failOnUnknownSyscall: failOnUnknownSyscall)
    var instructions = cache?.load(key)
    if instructions == nil {
      let compiled = try Compiler(profile: profile, failOnUnknownSyscall: failOnUnknownSyscall).compile()
      cache?.store(compiled, key)
      instructions = compiled
    }
    return SeccompProgram(
      instructions: instructions ?? [], flags: flags, listenerPath: notifies ? profile.listenerPath : nil,
      listenerMetadata: notifies ? profile.listenerMetadata : nil)
  }
}

extension SeccompProgram {
  /// The process itself passes the notification descriptor on, with the filter loaded already: that call has to go through.
  private static func checkHandOver(_ profile: Config.Seccomp) throws(Failure) {
    let call = "sendmsg"
    // That the default action notifies is an error of the document.
    if profile.defaultAction == .notify { return }
    func allows(_ action: Config.Seccomp.Action) -> Bool { action == .allow || action == .log }
    let rules = profile.syscalls.filter { $0.names.contains(call) }
    if rules.allSatisfy({ allows($0.action) }) && (allows(profile.defaultAction) || rules.contains { $0.args.isEmpty })
    {
      return
    }
    throw Failure(
      "linux.seccomp: with SCMP_ACT_NOTIFY the profile has to allow the system call " + call
        + " always: the process hands the listener its descriptor with it")
  }
}

/// Flags of seccomp(2), SECCOMP_SET_MODE_FILTER.
enum SeccompFlags {
  static let tsync: UInt = 1 << 0
  static let log: UInt = 1 << 1
  static let specAllow: UInt = 1 << 2
  static let newListener: UInt = 1 << 3
  static let waitKillableRecv: UInt = 1 << 5

  /// The flags for a profile.
  static func bits(of profile: Config.Seccomp, notifies: Bool) throws(Failure) -> UInt {
    // Without a word about flags runc and crun both leave speculation alone, which costs up to a third of the speed.
    var bits = profile.flags.isEmpty ? specAllow : 0
    for flag in profile.flags {
      switch flag {
      // The process that loads the filter has one thread. And with a listener the kernel refuses the flag.
      case .tsync: break
      case .log: bits |= log
      case .specAllow: bits |= specAllow
      case .waitKillableRecv:
        // Means nothing without a listener, and the kernel refuses it then.
        if !notifies { break }
        if !Library.kernelKnows(flags: waitKillableRecv | newListener) {
          throw Failure("linux.seccomp.flags: " + flag.rawValue + " needs Linux 5.19")
        }
        bits |= waitKillableRecv
      }
    }
    return notifies ? bits | newListener : bits
  }
}

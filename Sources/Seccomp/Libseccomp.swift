import CSeccomp
import Linux
import OCI

/// A filter that libseccomp is building: the only place where its pointers appear.
@safe struct LibraryFilter: ~Copyable {
  private let context: UnsafeMutableRawPointer

  /// How libseccomp lays out the tests of the system call's number.
  enum Layout: UInt32 {
    /// One after the other.
    case flat = 1
    /// A binary tree: longer, faster to load and to run.
    case tree = 2
  }

  /// An empty filter of the native architecture. See seccomp_init(3).
  init(defaultAction: UInt32) throws(SystemError) {
    // Otherwise the library asks the running kernel which actions it has. All of them are older (5.0) than the mount
    // system calls this runtime needs (5.12), and a program that depends on nothing but its profile can be cached.
    _ = seccomp_api_set(6)
    guard let context = unsafe seccomp_init(defaultAction) else {
      throw SystemError(call: "seccomp_init", subject: "", errno: .invalidArgument)
    }
    unsafe self.context = unsafe context
  }

  deinit { unsafe seccomp_release(context) }

  /// Adds an architecture; the rules added later hold for it too. See seccomp_arch_add(3).
  func add(architecture token: UInt32) throws(SystemError) {
    let result = unsafe seccomp_arch_add(context, token)
    // EEXIST: the native architecture is there from the start, and a profile may name one twice.
    if result < 0 && result != -EEXIST {
      throw SystemError(call: "seccomp_arch_add", subject: "", errno: Errno(rawValue: -result))
    }
  }

  /// Takes an architecture out again. See seccomp_arch_remove(3).
  func remove(architecture token: UInt32) throws(SystemError) {
    let result = unsafe seccomp_arch_remove(context, token)
    if result < 0 { throw SystemError(call: "seccomp_arch_remove", subject: "", errno: Errno(rawValue: -result)) }
  }

  /// Adds one rule whose conditions must all hold. See seccomp_rule_add(3).
  func add(rule action: UInt32, call: Int32, conditions: [scmp_arg_cmp]) throws(SystemError) {
    let result = unsafe conditions.withUnsafeBufferPointer {
      unsafe seccomp_rule_add_array(context, action, call, UInt32($0.count), $0.baseAddress)
    }
    if result < 0 { throw SystemError(call: "seccomp_rule_add", subject: "", errno: Errno(rawValue: -result)) }
  }

  /// The filter as an array of struct sock_filter; `nil` when it has more than `limit` instructions.
  func program(_ layout: Layout, limit: Int) throws(SystemError) -> [UInt8]? {
    let set = unsafe seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, layout.rawValue)
    if set < 0 { throw SystemError(call: "seccomp_attr_set", subject: "", errno: Errno(rawValue: -set)) }
    var size = 0
    let capacity = limit * 8
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
      size = unsafe csc_export(context, buffer.baseAddress, UInt(capacity))
      count = (0...capacity).contains(size) ? size : 0
    }
    if size < 0 {
      throw SystemError(call: "seccomp_export_bpf", subject: "", errno: Errno(rawValue: Int32(-size)))
    }
    return size > capacity ? nil : bytes
  }
}

/// What libseccomp knows.
enum Library {
  /// Major, minor, micro.
  static var version: (UInt32, UInt32, UInt32) {
    // Never NULL, says seccomp_version(3).
    let version = unsafe seccomp_version().pointee
    return (version.major, version.minor, version.micro)
  }

  /// The architecture of this machine, as an AUDIT_ARCH_ value.
  static var nativeArchitecture: UInt32 { seccomp_arch_native() }

  /// The library's token of an architecture: its AUDIT_ARCH_ value, but for x32. `nil`: this version does not know it.
  static func token(of architecture: Config.Seccomp.Architecture) -> UInt32? {
    // SCMP_ARCH_X86_64 is called x86_64 there.
    let name = architecture.rawValue.dropFirst("SCMP_ARCH_".utf8.count).lowercased()
    let token = unsafe seccomp_arch_resolve_name(name)
    return token == 0 ? nil : token
  }

  /// The number by which rules name a system call, in terms of the native architecture: negative when only others have
  /// it, `nil` when none does.
  static func number(of name: String) -> Int32? {
    let number = unsafe seccomp_syscall_resolve_name(name)
    return number == __NR_SCMP_ERROR ? nil : number
  }

  /// The number a system call has on an architecture; `nil` when it has none there.
  static func number(of name: String, on architecture: UInt32) -> UInt32? {
    let number = unsafe seccomp_syscall_resolve_name_arch(architecture, name)
    return number < 0 ? nil : UInt32(number)
  }

  /// Whether the running kernel knows all of these flags of seccomp(2).
  static func kernelKnows(flags: UInt) -> Bool { csc_flags_known(flags) != 0 }
}

import JSON

extension Config {
  /// The system call filter (config-linux.md, "Seccomp").
  public struct Seccomp: Equatable, Sendable, JSON.Writable {
    /// What happens to system calls that no rule speaks of.
    public var defaultAction: Action
    /// The errno of `SCMP_ACT_ERRNO` or the message of `SCMP_ACT_TRACE` as default action. Absent: EPERM.
    public var defaultErrnoRet: UInt32?
    /// Architectures beside the native one.
    public var architectures: [Architecture]
    /// Flags of seccomp(2).
    public var flags: [Flag]
    /// The socket that gets the notification descriptor.
    public var listenerPath: String?
    /// Opaque text that is sent along.
    public var listenerMetadata: String?
    /// The rules.
    public var syscalls: [Syscall]

    public init(
      defaultAction: Action, defaultErrnoRet: UInt32? = nil, architectures: [Architecture] = [], flags: [Flag] = [],
      listenerPath: String? = nil, listenerMetadata: String? = nil, syscalls: [Syscall] = []
    ) {
      self.defaultAction = defaultAction
      self.defaultErrnoRet = defaultErrnoRet
      self.architectures = architectures
      self.flags = flags
      self.listenerPath = listenerPath
      self.listenerMetadata = listenerMetadata
      self.syscalls = syscalls
    }

    public init(_ json: JSON.Object) throws(JSON.Error) {
      defaultAction = try json.choice("defaultAction")
      defaultErrnoRet = try json.optionalInteger("defaultErrnoRet")
      architectures = try json.choices("architectures")
      flags = try json.choices("flags")
      listenerPath = try json.nonEmptyString("listenerPath")
      listenerMetadata = try json.nonEmptyString("listenerMetadata")
      syscalls = try json.objects("syscalls", Syscall.init)
    }

    public func encode(to writer: inout JSON.Writer) {
      writer.object { json in
        json.member("defaultAction", defaultAction)
        json.member("defaultErrnoRet", defaultErrnoRet)
        json.member("architectures", architectures)
        json.member("flags", flags)
        json.member("listenerPath", listenerPath)
        json.member("listenerMetadata", listenerMetadata)
        json.member("syscalls", syscalls)
      }
    }
  }
}

extension Config.Seccomp {
  /// One rule: what happens to which system calls.
  public struct Syscall: Equatable, Sendable, JSON.Writable {
    /// System calls by name; those the library does not know are skipped.
    public var names: [String]
    /// What happens.
    public var action: Action
    /// The errno or message of the action. Absent: EPERM.
    public var errnoRet: UInt32?
    /// Conditions that must all hold.
    public var args: [Argument]

    public init(names: [String] = [], action: Action, errnoRet: UInt32? = nil, args: [Argument] = []) {
      self.names = names
      self.action = action
      self.errnoRet = errnoRet
      self.args = args
    }

    public init(_ json: JSON.Object) throws(JSON.Error) {
      names = try json.strings("names")
      action = try json.choice("action")
      errnoRet = try json.optionalInteger("errnoRet")
      args = try json.objects("args", Argument.init)
    }

    public func encode(to writer: inout JSON.Writer) {
      writer.object { json in
        json.member("names", names)
        json.member("action", action)
        json.member("errnoRet", errnoRet)
        json.member("args", args)
      }
    }
  }

  /// A condition on one argument of a system call.
  public struct Argument: Equatable, Sendable, JSON.Writable {
    /// The argument's position, from 0.
    public var index: UInt32
    /// What it is compared with; for `SCMP_CMP_MASKED_EQ` the mask.
    public var value: UInt64
    /// For `SCMP_CMP_MASKED_EQ`: what the masked argument is compared with.
    public var valueTwo: UInt64
    /// How it is compared.
    public var op: Operator

    public init(index: UInt32, value: UInt64, valueTwo: UInt64 = 0, op: Operator) {
      self.index = index
      self.value = value
      self.valueTwo = valueTwo
      self.op = op
    }

    public init(_ json: JSON.Object) throws(JSON.Error) {
      index = try json.integer("index")
      value = try json.integer("value")
      valueTwo = try json.optionalInteger("valueTwo") ?? 0
      op = try json.choice("op")
    }

    public func encode(to writer: inout JSON.Writer) {
      writer.object { json in
        json.member("index", index)
        json.member("value", value)
        json.member("valueTwo", valueTwo)
        json.member("op", op)
      }
    }
  }

  /// What a filter does with a system call.
  public enum Action: String, CaseIterable, Sendable {
    case kill = "SCMP_ACT_KILL"
    case killProcess = "SCMP_ACT_KILL_PROCESS"
    case killThread = "SCMP_ACT_KILL_THREAD"
    case trap = "SCMP_ACT_TRAP"
    case errno = "SCMP_ACT_ERRNO"
    case trace = "SCMP_ACT_TRACE"
    case allow = "SCMP_ACT_ALLOW"
    case log = "SCMP_ACT_LOG"
    case notify = "SCMP_ACT_NOTIFY"
  }

  /// How an argument is compared.
  public enum Operator: String, CaseIterable, Sendable {
    case notEqual = "SCMP_CMP_NE"
    case less = "SCMP_CMP_LT"
    case lessOrEqual = "SCMP_CMP_LE"
    case equal = "SCMP_CMP_EQ"
    case greaterOrEqual = "SCMP_CMP_GE"
    case greater = "SCMP_CMP_GT"
    case maskedEqual = "SCMP_CMP_MASKED_EQ"
  }

  /// The architectures of libseccomp.
  public enum Architecture: String, CaseIterable, Sendable {
    case x86 = "SCMP_ARCH_X86"
    case x86_64 = "SCMP_ARCH_X86_64"
    case x32 = "SCMP_ARCH_X32"
    case arm = "SCMP_ARCH_ARM"
    case aarch64 = "SCMP_ARCH_AARCH64"
    case loongarch64 = "SCMP_ARCH_LOONGARCH64"
    case m68k = "SCMP_ARCH_M68K"
    case mips = "SCMP_ARCH_MIPS"
    case mips64 = "SCMP_ARCH_MIPS64"
    case mips64n32 = "SCMP_ARCH_MIPS64N32"
    case mipsel = "SCMP_ARCH_MIPSEL"
    case mipsel64 = "SCMP_ARCH_MIPSEL64"
    case mipsel64n32 = "SCMP_ARCH_MIPSEL64N32"
    case ppc = "SCMP_ARCH_PPC"
    case ppc64 = "SCMP_ARCH_PPC64"
    case ppc64le = "SCMP_ARCH_PPC64LE"
    case s390 = "SCMP_ARCH_S390"
    case s390x = "SCMP_ARCH_S390X"
    case sh = "SCMP_ARCH_SH"
    case sheb = "SCMP_ARCH_SHEB"
    case parisc = "SCMP_ARCH_PARISC"
    case parisc64 = "SCMP_ARCH_PARISC64"
    case riscv64 = "SCMP_ARCH_RISCV64"
  }

  /// Flags of seccomp(2).
  public enum Flag: String, CaseIterable, Sendable {
    case tsync = "SECCOMP_FILTER_FLAG_TSYNC"
    case log = "SECCOMP_FILTER_FLAG_LOG"
    case specAllow = "SECCOMP_FILTER_FLAG_SPEC_ALLOW"
    case waitKillableRecv = "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"
  }
}

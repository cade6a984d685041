import Linux
import OCI

extension ProcessPlan {
  /// No program: the container can be created and deleted, not started (runtime.md, "Start").
  public static let none = ProcessPlan(arguments: [], environment: [], workingDirectory: "/")

  /// Compiles `process` of config.json, or the document given to `exec`.
  ///
  /// - Parameter config: the container's, which has more about processes elsewhere.
  public init(_ process: Config.Process, in config: Config) throws(Failure) {
    guard !process.args.isEmpty else { throw Failure("config.json: process.args: empty; nothing to run") }
    arguments = process.args
    environment = process.env
    workingDirectory = process.cwd
    terminal = process.terminal
    if let size = process.consoleSize {
      guard let rows = UInt16(exactly: size.height), let columns = UInt16(exactly: size.width) else {
        throw Failure("config.json: process.consoleSize: a terminal has at most 65535 rows and columns")
      }
      consoleRows = rows
      consoleColumns = columns
    }
    uid = process.user.uid
    gid = process.user.gid
    additionalGroups = process.user.additionalGids
    umask = process.user.umask ?? 0o022
    if let capabilities = process.capabilities { self.capabilities = CapabilityPlan(capabilities) }
    for limit in process.rlimits { limits.append(try LimitPlan(limit)) }
    noNewPrivileges = process.noNewPrivileges
    oomScoreAdjustment = process.oomScoreAdj
    if let scheduler = process.scheduler { self.scheduler = SchedulerPlan(scheduler) }
    if let io = process.ioPriority {
      switch io.class {
      case .realTime: ioClass = 1
      case .bestEffort: ioClass = 2
      case .idle: ioClass = 3
      }
      guard io.priority >= 0 && io.priority <= 7 else {
        throw Failure("config.json: process.ioPriority.priority: from 0 (first) to 7, found " + String(io.priority))
      }
      ioPriority = io.priority
    }
    apparmorProfile = process.apparmorProfile.flatMap { $0.isEmpty ? nil : $0 }
    selinuxLabel = process.selinuxLabel.flatMap { $0.isEmpty ? nil : $0 }
    if let personality = config.linux?.personality { self.personality = try personality.number() }
    if let policy = config.linux?.memoryPolicy { memoryPolicy = try MemoryPolicyPlan(policy) }
    landlock = try LandlockPlan.of(config.annotations)
    keepsOriginalGroups = config.annotations["run.oci.keep_original_groups"] == "1"
  }
}

extension CapabilityPlan {
  /// Names the kernel does not know are left out, as the specification asks: such a capability cannot be held.
  public init(_ names: Config.Process.Capabilities) {
    func set(_ names: [String]) -> CapabilitySet {
      names.reduce(into: []) { if let one = CapabilitySet(name: $1) { $0.insert(one) } }
    }
    bounding = set(names.bounding)
    effective = set(names.effective)
    permitted = set(names.permitted)
    inheritable = set(names.inheritable)
    ambient = set(names.ambient)
  }

  /// Everything that one of the sets asks for.
  public var all: CapabilitySet { bounding.union(effective).union(permitted).union(inheritable).union(ambient) }
}

extension LimitPlan {
  // getrlimit(2), in the kernel's order.
  private static let names: [StaticString] = [
    "RLIMIT_CPU", "RLIMIT_FSIZE", "RLIMIT_DATA", "RLIMIT_STACK", "RLIMIT_CORE", "RLIMIT_RSS", "RLIMIT_NPROC",
    "RLIMIT_NOFILE", "RLIMIT_MEMLOCK", "RLIMIT_AS", "RLIMIT_LOCKS", "RLIMIT_SIGPENDING", "RLIMIT_MSGQUEUE",
    "RLIMIT_NICE", "RLIMIT_RTPRIO", "RLIMIT_RTTIME",
  ]

  public init(_ limit: Config.Process.Rlimit) throws(Failure) {
    guard let number = LimitPlan.names.firstIndex(where: { $0.matches(limit.type) }) else {
      throw Failure("config.json: process.rlimits: \"" + limit.type + "\" is no resource limit")
    }
    name = limit.type
    resource = Int32(number)
    soft = limit.soft
    hard = limit.hard
  }
}

extension SchedulerPlan {
  init(_ scheduler: Config.Process.Scheduler) {
    // sched(7), by the kernel's numbers.
    switch scheduler.policy {
    case .other: policy = 0
    case .fifo: policy = 1
    case .roundRobin: policy = 2
    case .batch: policy = 3
    case .iso: policy = 4
    case .idle: policy = 5
    case .deadline: policy = 6
    }
    flags = scheduler.flags.reduce(0) { flags, flag in
      switch flag {
      case .resetOnFork: return flags | 0x01
      case .reclaim: return flags | 0x02
      case .deadlineOverrun: return flags | 0x04
      case .keepPolicy: return flags | 0x08
      case .keepParameters: return flags | 0x10
      case .utilizationClampMinimum: return flags | 0x20
      case .utilizationClampMaximum: return flags | 0x40
      }
    }
    nice = scheduler.nice
    priority = UInt32(bitPattern: scheduler.priority)
    runtime = scheduler.runtime
    deadline = scheduler.deadline
    period = scheduler.period
  }
}

extension MemoryPolicyPlan {
  init(_ policy: Config.MemoryPolicy) throws(Failure) {
    guard let mode = policy.mode else { throw Failure("config.json: linux.memoryPolicy.mode: missing") }
    // set_mempolicy(2), by the kernel's numbers.
    switch mode {
    case .systemDefault: self.mode = 0
    case .preferred: self.mode = 1
    case .bind: self.mode = 2
    case .interleave: self.mode = 3
    case .local: self.mode = 4
    case .preferredMany: self.mode = 5
    case .weightedInterleave: self.mode = 6
    }
    for flag in policy.flags {
      switch flag {
      case .staticNodes: self.mode |= 1 << 15
      case .relativeNodes: self.mode |= 1 << 14
      case .numaBalancing: self.mode |= 1 << 13
      }
    }
    nodes = []
    guard let text = policy.nodes, !text.isEmpty else { return }
    guard let bits = bitMask(list: text, limit: 1024) else {
      throw Failure("config.json: linux.memoryPolicy.nodes: expected a list such as \"0-3,7\", found \"" + text + "\"")
    }
    nodes = bits.map { UInt($0) }
  }
}

extension Config.Personality {
  // personality(2), by the kernel's numbers.
  private static let flagNumbers: [(StaticString, UInt)] = [
    ("ADDR_NO_RANDOMIZE", 0x004_0000), ("MMAP_PAGE_ZERO", 0x010_0000), ("ADDR_COMPAT_LAYOUT", 0x020_0000),
    ("READ_IMPLIES_EXEC", 0x040_0000), ("ADDR_LIMIT_32BIT", 0x080_0000), ("SHORT_INODE", 0x100_0000),
    ("WHOLE_SECONDS", 0x200_0000), ("STICKY_TIMEOUTS", 0x400_0000), ("ADDR_LIMIT_3GB", 0x800_0000),
    ("UNAME26", 0x002_0000), ("FDPIC_FUNCPTRS", 0x008_0000),
  ]

  func number() throws(Failure) -> UInt {
    var number: UInt = domain == .linux ? 0 : 8
    for name in flags {
      guard let flag = Config.Personality.flagNumbers.first(where: { $0.0.matches(name) }) else {
        throw Failure("config.json: linux.personality.flags: \"" + name + "\" is no personality flag")
      }
      number |= flag.1
    }
    return number
  }
}

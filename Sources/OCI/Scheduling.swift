import JSON

extension Config.Process {
  /// The I/O priority (config.md, "ioPriority"), see ioprio_set(2).
  public struct IOPriority: Equatable, Sendable, JSON.Writable {
    /// The scheduling class.
    public var `class`: IOPriorityClass
    /// The level within the class, 0 (highest) to 7.
    public var priority: Int32

    public init(class: IOPriorityClass, priority: Int32 = 0) {
      self.class = `class`
      self.priority = priority
    }

    public init(_ json: JSON.Object) throws(JSON.Error) {
      `class` = try json.choice("class")
      priority = try json.integer("priority")
    }

    public func encode(to writer: inout JSON.Writer) {
      writer.object { json in
        json.member("class", `class`)
        json.member("priority", priority)
      }
    }
  }

  /// The I/O scheduling classes.
  public enum IOPriorityClass: String, CaseIterable, Sendable {
    case realTime = "IOPRIO_CLASS_RT"
    case bestEffort = "IOPRIO_CLASS_BE"
    case idle = "IOPRIO_CLASS_IDLE"
  }

  /// The scheduling policy and its parameters (config.md, "scheduler"), see sched_setattr(2).
  public struct Scheduler: Equatable, Sendable, JSON.Writable {
    /// The policy.
    public var policy: Policy
    /// The nice value under `SCHED_OTHER` and `SCHED_BATCH`.
    public var nice: Int32
    /// The static priority under `SCHED_FIFO` and `SCHED_RR`.
    public var priority: Int32
    /// Flags of the call.
    public var flags: [SchedulerFlag]
    /// Nanoseconds of CPU time a period under `SCHED_DEADLINE`.
    public var runtime: UInt64
    /// Nanoseconds to the deadline under `SCHED_DEADLINE`.
    public var deadline: UInt64
    /// Nanoseconds of the period under `SCHED_DEADLINE`.
    public var period: UInt64

    public init(
      policy: Policy, nice: Int32 = 0, priority: Int32 = 0, flags: [SchedulerFlag] = [], runtime: UInt64 = 0,
      deadline: UInt64 = 0, period: UInt64 = 0
    ) {
      self.policy = policy
      self.nice = nice
      self.priority = priority
      self.flags = flags
      self.runtime = runtime
      self.deadline = deadline
      self.period = period
    }

    public init(_ json: JSON.Object) throws(JSON.Error) {
      policy = try json.choice("policy")
      nice = try json.optionalInteger("nice") ?? 0
      priority = try json.optionalInteger("priority") ?? 0
      flags = try json.choices("flags")
      runtime = try json.optionalInteger("runtime") ?? 0
      deadline = try json.optionalInteger("deadline") ?? 0
      period = try json.optionalInteger("period") ?? 0
    }

    public func encode(to writer: inout JSON.Writer) {
      writer.object { json in
        json.member("policy", policy)
        json.member("nice", nice)
        json.member("priority", priority)
        json.member("flags", flags)
        json.member("runtime", runtime)
        json.member("deadline", deadline)
        json.member("period", period)
      }
    }
  }

  /// Flags of sched_setattr(2).
  public enum SchedulerFlag: String, CaseIterable, Sendable {
    case resetOnFork = "SCHED_FLAG_RESET_ON_FORK"
    case reclaim = "SCHED_FLAG_RECLAIM"
    case deadlineOverrun = "SCHED_FLAG_DL_OVERRUN"
    case keepPolicy = "SCHED_FLAG_KEEP_POLICY"
    case keepParameters = "SCHED_FLAG_KEEP_PARAMS"
    case utilizationClampMinimum = "SCHED_FLAG_UTIL_CLAMP_MIN"
    case utilizationClampMaximum = "SCHED_FLAG_UTIL_CLAMP_MAX"
  }

  /// CPU lists for processes that join the container (config.md, "execCPUAffinity"), written `0-3,7`.
  public struct ExecCPUAffinity: Equatable, Sendable, JSON.Writable {
    /// Before the process is moved to the container's cgroup.
    public var initial: String?
    /// Afterwards.
    public var final: String?

    public init(initial: String? = nil, final: String? = nil) {
      self.initial = initial
      self.final = final
    }

    public init(_ json: JSON.Object) throws(JSON.Error) {
      initial = try json.nonEmptyString("initial")
      final = try json.nonEmptyString("final")
    }

    public func encode(to writer: inout JSON.Writer) {
      writer.object { json in
        json.member("initial", initial)
        json.member("final", final)
      }
    }
  }
}

extension Config.Process.Scheduler {
  /// The scheduling policies, see sched(7).
  public enum Policy: String, CaseIterable, Sendable {
    case other = "SCHED_OTHER"
    case fifo = "SCHED_FIFO"
    case roundRobin = "SCHED_RR"
    case batch = "SCHED_BATCH"
    case iso = "SCHED_ISO"
    case idle = "SCHED_IDLE"
    case deadline = "SCHED_DEADLINE"
  }
}

import JSON

extension Config.Linux {
  /// Limits of the cgroup (config-linux.md, "Control groups"); also the document of `update --resources`. An absent
  /// value leaves the kernel's as it is.
  public struct Resources: Equatable, Sendable, JSON.Writable {
    /// Who may use which devices; later entries win.
    public var devices: [DeviceRule]
    /// Memory limits.
    public var memory: Memory?
    /// CPU time and placement.
    public var cpu: CPU?
    /// The number of tasks.
    public var pids: Pids?
    /// Block device bandwidth.
    public var blockIO: BlockIO?
    /// Huge pages, one entry a page size.
    public var hugepageLimits: [HugepageLimit]
    /// Network classes and priorities; cgroup v1 only.
    public var network: Network?
    /// RDMA devices by name.
    public var rdma: OrderedMap<Rdma>
    /// cgroup v2 files and what to write to them.
    public var unified: StringMap

    public init(
      devices: [DeviceRule] = [], memory: Memory? = nil, cpu: CPU? = nil, pids: Pids? = nil, blockIO: BlockIO? = nil,
      hugepageLimits: [HugepageLimit] = [], network: Network? = nil, rdma: OrderedMap<Rdma> = [:],
      unified: StringMap = [:]
    ) {
      self.devices = devices
      self.memory = memory
      self.cpu = cpu
      self.pids = pids
      self.blockIO = blockIO
      self.hugepageLimits = hugepageLimits
      self.network = network
      self.rdma = rdma
      self.unified = unified
    }

    public init(_ json: JSON.Object) throws(JSON.Error) {
      devices = try json.objects("devices", DeviceRule.init)
      memory = try json.optionalObject("memory", Memory.init)
      cpu = try json.optionalObject("cpu", CPU.init)
      pids = try json.optionalObject("pids", Pids.init)
      blockIO = try json.optionalObject("blockIO", BlockIO.init)
      hugepageLimits = try json.objects("hugepageLimits", HugepageLimit.init)
      network = try json.optionalObject("network", Network.init)
      rdma = try json.map("rdma", Rdma.init)
      unified = try json.stringMap("unified")
    }

    public func encode(to writer: inout JSON.Writer) {
      writer.object { json in
        json.member("devices", devices)
        json.member("memory", memory)
        json.member("cpu", cpu)
        json.member("pids", pids)
        json.member("blockIO", blockIO)
        json.member("hugepageLimits", hugepageLimits)
        json.member("network", network)
        json.member("rdma", rdma)
        json.member("unified", unified)
      }
    }
  }
}

extension Config.Linux.Resources {
  /// One entry of the device allow list.
  public struct DeviceRule: Equatable, Sendable, JSON.Writable {
    /// Whether the access is allowed or denied.
    public var allow: Bool
    /// The kind of device.
    public var type: DeviceRuleType
    /// The major number. Absent or negative: any.
    public var major: Int64?
    /// The minor number. Absent or negative: any.
    public var minor: Int64?
    /// A combination of `r`, `w` and `m` (mknod). Empty: all three.
    public var access: String

    public init(
      allow: Bool, type: DeviceRuleType = .all, major: Int64? = nil, minor: Int64? = nil, access: String = ""
    ) {
      self.allow = allow
      self.type = type
      self.major = major
      self.minor = minor
      self.access = access
    }

    public init(_ json: JSON.Object) throws(JSON.Error) {
      allow = try json.bool("allow")
      type = try json.optionalChoice("type") ?? .all
      major = try json.optionalInteger("major")
      minor = try json.optionalInteger("minor")
      access = try json.optionalString("access") ?? ""
    }

    public func encode(to writer: inout JSON.Writer) {
      writer.object { json in
        json.member("allow", allow)
        json.member("type", type)
        json.member("major", major)
        json.member("minor", minor)
        json.member("access", access)
      }
    }
  }

  /// What a device rule speaks of.
  public enum DeviceRuleType: String, CaseIterable, Sendable {
    case all = "a"
    case block = "b"
    case character = "c"
  }

  /// Memory limits in bytes; -1 stands for "unlimited".
  public struct Memory: Equatable, Sendable, JSON.Writable {
    /// The hard limit.
    public var limit: Int64?
    /// The soft limit.
    public var reservation: Int64?
    /// Memory and swap together.
    public var swap: Int64?
    /// Kernel memory. Deprecated; no kernel has it any more.
    public var kernel: Int64?
    /// TCP buffers; cgroup v1 only.
    public var kernelTCP: Int64?
    /// 0 to 100; cgroup v1 only.
    public var swappiness: UInt64?
    /// Whether tasks wait instead of being killed; cgroup v1 only.
    public var disableOOMKiller: Bool?
    /// Hierarchical accounting; cgroup v1 only.
    public var useHierarchy: Bool?
    /// Whether a limit below the usage is refused instead of killing tasks.
    public var checkBeforeUpdate: Bool?

    public init(
      limit: Int64? = nil, reservation: Int64? = nil, swap: Int64? = nil, kernel: Int64? = nil, kernelTCP: Int64? = nil,
      swappiness: UInt64? = nil, disableOOMKiller: Bool? = nil, useHierarchy: Bool? = nil,
      checkBeforeUpdate: Bool? = nil
    ) {
      self.limit = limit
      self.reservation = reservation
      self.swap = swap
      self.kernel = kernel
      self.kernelTCP = kernelTCP
      self.swappiness = swappiness
      self.disableOOMKiller = disableOOMKiller
      self.useHierarchy = useHierarchy
      self.checkBeforeUpdate = checkBeforeUpdate
    }

    public init(_ json: JSON.Object) throws(JSON.Error) {
      limit = try json.optionalInteger("limit")
      reservation = try json.optionalInteger("reservation")
      swap = try json.optionalInteger("swap")
      kernel = try json.optionalInteger("kernel")
      kernelTCP = try json.optionalInteger("kernelTCP")
      swappiness = try json.optionalInteger("swappiness")
      disableOOMKiller = try json.optionalBool("disableOOMKiller")
      useHierarchy = try json.optionalBool("useHierarchy")
      checkBeforeUpdate = try json.optionalBool("checkBeforeUpdate")
    }

    public func encode(to writer: inout JSON.Writer) {
      writer.object { json in
        json.member("limit", limit)
        json.member("reservation", reservation)
        json.member("swap", swap)
        json.member("kernel", kernel)
        json.member("kernelTCP", kernelTCP)
        json.member("swappiness", swappiness)
        json.member("disableOOMKiller", disableOOMKiller)
        json.member("useHierarchy", useHierarchy)
        json.member("checkBeforeUpdate", checkBeforeUpdate)
      }
    }
  }

  /// CPU time and placement. Times are in microseconds.
  public struct CPU: Equatable, Sendable, JSON.Writable {
    /// The relative weight, 2 to 262144; 1024 is the usual one.
    public var shares: UInt64?
    /// CPU time a period; -1 stands for "unlimited".
    public var quota: Int64?
    /// CPU time that may be saved up.
    public var burst: UInt64?
    /// The period of `quota`.
    public var period: UInt64?
    /// Real-time CPU time a period; cgroup v1 only.
    public var realtimeRuntime: Int64?
    /// The period of `realtimeRuntime`; cgroup v1 only.
    public var realtimePeriod: UInt64?
    /// The CPUs, written `0-3,7`.
    public var cpus: String?
    /// The memory nodes, written `0-3,7`.
    public var mems: String?
    /// 1: the cgroup only gets what others leave over.
    public var idle: Int64?

    public init(
      shares: UInt64? = nil, quota: Int64? = nil, burst: UInt64? = nil, period: UInt64? = nil,
      realtimeRuntime: Int64? = nil, realtimePeriod: UInt64? = nil, cpus: String? = nil, mems: String? = nil,
      idle: Int64? = nil
    ) {
      self.shares = shares
      self.quota = quota
      self.burst = burst
      self.period = period
      self.realtimeRuntime = realtimeRuntime
      self.realtimePeriod = realtimePeriod
      self.cpus = cpus
      self.mems = mems
      self.idle = idle
    }

    public init(_ json: JSON.Object) throws(JSON.Error) {
      shares = try json.optionalInteger("shares")
      quota = try json.optionalInteger("quota")
      burst = try json.optionalInteger("burst")
      period = try json.optionalInteger("period")
      realtimeRuntime = try json.optionalInteger("realtimeRuntime")
      realtimePeriod = try json.optionalInteger("realtimePeriod")
      cpus = try json.nonEmptyString("cpus")
      mems = try json.nonEmptyString("mems")
      idle = try json.optionalInteger("idle")
    }

    public func encode(to writer: inout JSON.Writer) {
      writer.object { json in
        json.member("shares", shares)
        json.member("quota", quota)
        json.member("burst", burst)
        json.member("period", period)
        json.member("realtimeRuntime", realtimeRuntime)
        json.member("realtimePeriod", realtimePeriod)
        json.member("cpus", cpus)
        json.member("mems", mems)
        json.member("idle", idle)
      }
    }
  }

  /// The number of tasks.
  public struct Pids: Equatable, Sendable, JSON.Writable {
    /// The most tasks; less than 0 stands for "unlimited".
    public var limit: Int64?

    public init(limit: Int64? = nil) {
      self.limit = limit
    }

    public init(_ json: JSON.Object) throws(JSON.Error) {
      limit = try json.optionalInteger("limit")
    }

    public func encode(to writer: inout JSON.Writer) {
      writer.object { json in
        json.member("limit", limit)
      }
    }
  }

  /// A limit of huge pages.
  public struct HugepageLimit: Equatable, Sendable, JSON.Writable {
    /// The page size as the kernel writes it: `2MB`, `64KB`.
    public var pageSize: String
    /// The most bytes.
    public var limit: UInt64

    public init(pageSize: String, limit: UInt64) {
      self.pageSize = pageSize
      self.limit = limit
    }

    public init(_ json: JSON.Object) throws(JSON.Error) {
      pageSize = try json.string("pageSize")
      limit = try json.integer("limit")
    }

    public func encode(to writer: inout JSON.Writer) {
      writer.object { json in
        json.member("pageSize", pageSize)
        json.member("limit", limit)
      }
    }
  }

  /// Network classes and priorities; cgroup v1 only.
  public struct Network: Equatable, Sendable, JSON.Writable {
    /// The class that packets are tagged with.
    public var classID: UInt32?
    /// Priorities by interface.
    public var priorities: [Priority]

    public init(classID: UInt32? = nil, priorities: [Priority] = []) {
      self.classID = classID
      self.priorities = priorities
    }

    public init(_ json: JSON.Object) throws(JSON.Error) {
      classID = try json.optionalInteger("classID")
      priorities = try json.objects("priorities", Priority.init)
    }

    public func encode(to writer: inout JSON.Writer) {
      writer.object { json in
        json.member("classID", classID)
        json.member("priorities", priorities)
      }
    }

    /// The priority of traffic on an interface.
    public struct Priority: Equatable, Sendable, JSON.Writable {
      /// The interface, by its name in the runtime's network namespace.
      public var name: String
      /// The priority.
      public var priority: UInt32

      public init(name: String, priority: UInt32) {
        self.name = name
        self.priority = priority
      }

      public init(_ json: JSON.Object) throws(JSON.Error) {
        name = try json.string("name")
        priority = try json.integer("priority")
      }

      public func encode(to writer: inout JSON.Writer) {
        writer.object { json in
          json.member("name", name)
          json.member("priority", priority)
        }
      }
    }
  }

  /// Limits of one RDMA device.
  public struct Rdma: Equatable, Sendable, JSON.Writable {
    /// The most handles.
    public var hcaHandles: UInt32?
    /// The most objects.
    public var hcaObjects: UInt32?

    public init(hcaHandles: UInt32? = nil, hcaObjects: UInt32? = nil) {
      self.hcaHandles = hcaHandles
      self.hcaObjects = hcaObjects
    }

    public init(_ json: JSON.Object) throws(JSON.Error) {
      hcaHandles = try json.optionalInteger("hcaHandles")
      hcaObjects = try json.optionalInteger("hcaObjects")
    }

    public func encode(to writer: inout JSON.Writer) {
      writer.object { json in
        json.member("hcaHandles", hcaHandles)
        json.member("hcaObjects", hcaObjects)
      }
    }
  }
}

import Linux
import OCI

typealias Resources = Config.Linux.Resources

/// The controllers that `linux.resources` speaks of, under both their names.
struct Controller: Equatable {
  /// The name on cgroup v1.
  let v1: String
  /// The name on cgroup v2; `nil`: v2 has nothing of the kind.
  let v2: String?

  static let memory = Controller(v1: "memory", v2: "memory")
  static let cpu = Controller(v1: "cpu", v2: "cpu")
  static let cpuset = Controller(v1: "cpuset", v2: "cpuset")
  static let pids = Controller(v1: "pids", v2: "pids")
  static let io = Controller(v1: "blkio", v2: "io")
  static let hugetlb = Controller(v1: "hugetlb", v2: "hugetlb")
  static let netCls = Controller(v1: "net_cls", v2: nil)
  static let netPrio = Controller(v1: "net_prio", v2: nil)
  static let rdma = Controller(v1: "rdma", v2: "rdma")

  /// The order in which they are written.
  static let all = [memory, cpu, cpuset, pids, io, hugetlb, netCls, netPrio, rdma]
}

/// `linux.resources` as files of cgroup v1 (kernel documentation, admin-guide/cgroup-v1).
enum SettingsV1 {
  static func of(_ controller: Controller, _ resources: Resources, _ purpose: Purpose) throws(Failure) -> [Setting] {
    switch controller {
    case .memory: return resources.memory.map { memory($0, purpose) } ?? []
    case .cpu: return try cpu(resources.cpu ?? .init())
    case .cpuset: return cpuset(resources.cpu)
    case .pids: return pids(resources.pids, purpose)
    case .io: return resources.blockIO.map { blkio($0) } ?? []
    case .hugetlb: return hugetlb(resources.hugepageLimits, "limit_in_bytes")
    case .netCls: return netCls(resources.network)
    case .netPrio: return netPrio(resources.network)
    default: return rdma(resources.rdma)
    }
  }

  static func memory(_ memory: Resources.Memory, _ purpose: Purpose) -> [Setting] {
    var settings: [Setting] = []
    if let hierarchical = memory.useHierarchy {
      settings.append(Setting("memory.use_hierarchy", hierarchical ? "1" : "0", mayBeMissing: hierarchical))
    }
    if let limit = asked(memory.limit) {
      settings.append(Setting("memory.limit_in_bytes", String(limit), isExchangeable: true))
    }
    if let swap = asked(memory.swap) {
      settings.append(Setting("memory.memsw.limit_in_bytes", String(swap), isExchangeable: true))
    } else if memory.limit == -1 {
      // Memory can not be unlimited while memory and swap together are limited.
      settings.append(Setting("memory.memsw.limit_in_bytes", "-1", mayBeMissing: true, isExchangeable: true))
    }
    if let reservation = asked(memory.reservation) {
      settings.append(Setting("memory.soft_limit_in_bytes", String(reservation)))
    }
    // Gone with Linux 5.16: validation says so.
    if let kernel = asked(memory.kernel) {
      settings.append(Setting("memory.kmem.limit_in_bytes", String(kernel), mayBeMissing: true))
    }
    if let kernelTCP = asked(memory.kernelTCP) {
      settings.append(Setting("memory.kmem.tcp.limit_in_bytes", String(kernelTCP), mayBeMissing: kernelTCP == -1))
    }
    if let swappiness = memory.swappiness { settings.append(Setting("memory.swappiness", String(swappiness))) }
    if let disable = memory.disableOOMKiller, disable || purpose == .update {
      settings.append(Setting("memory.oom_control", disable ? "1" : "0"))
    }
    return settings
  }

  static func cpu(_ cpu: Resources.CPU) throws(Failure) -> [Setting] {
    var settings: [Setting] = []
    if let shares = cpu.shares, shares != 0 {
      // The kernel would take another value without a word (MIN_SHARES, MAX_SHARES).
      guard shares >= 2 && shares <= 262_144 else {
        throw Failure("cgroup: linux.resources.cpu.shares " + String(shares) + " is not between 2 and 262144")
      }
      settings.append(Setting("cpu.shares", String(shares), isExchangeable: true))
    }
    if let idle = cpu.idle {
      settings.append(Setting("cpu.idle", String(idle), mayBeMissing: idle == 0, isExchangeable: true))
    }
    if let period = cpu.period, period != 0 {
      settings.append(Setting("cpu.cfs_period_us", String(period), isExchangeable: true))
    }
    if let quota = asked(cpu.quota) {
      settings.append(Setting("cpu.cfs_quota_us", String(quota), isExchangeable: true))
    }
    if let burst = cpu.burst {
      settings.append(Setting("cpu.cfs_burst_us", String(burst), mayBeMissing: burst == 0, isExchangeable: true))
    }
    if let period = cpu.realtimePeriod, period != 0 {
      settings.append(Setting("cpu.rt_period_us", String(period), isExchangeable: true))
    }
    if let runtime = cpu.realtimeRuntime, runtime != 0 {
      settings.append(Setting("cpu.rt_runtime_us", String(runtime), isExchangeable: true))
    }
    return settings
  }

  static func cpuset(_ cpu: Resources.CPU?) -> [Setting] {
    var settings: [Setting] = []
    if let cpus = cpu?.cpus, !cpus.isEmpty { settings.append(Setting("cpuset.cpus", cpus)) }
    if let mems = cpu?.mems, !mems.isEmpty { settings.append(Setting("cpuset.mems", mems)) }
    return settings
  }

  /// Since runtime-spec 1.3 zero is a limit like any other. It is written as 1, which means the same – the first
  /// process is there, and no second may come – and lets the first one be born inside (CLONE_INTO_CGROUP).
  static func pids(_ pids: Resources.Pids?, _ purpose: Purpose) -> [Setting] {
    guard let limit = pids?.limit, limit != 0 || purpose == .create else { return [] }
    return [Setting("pids.max", limit < 0 ? "max" : String(max(1, limit)))]
  }

  static func blkio(_ io: Resources.BlockIO) -> [Setting] {
    var settings: [Setting] = []
    // The weights belong to CFQ (until Linux 5.0) or to BFQ.
    func weight(_ file: String, _ bfq: String, _ value: String, isKeyed: Bool = false) {
      settings.append(Setting(file, value, isKeyed: isKeyed, orElse: [Setting(bfq, value, isKeyed: isKeyed)]))
    }
    if let value = io.weight, value != 0 { weight("blkio.weight", "blkio.bfq.weight", String(value)) }
    if let value = io.leafWeight, value != 0 { settings.append(Setting("blkio.leaf_weight", String(value))) }
    for device in io.weightDevice {
      let key = String(device.major) + ":" + String(device.minor) + " "
      if let value = device.weight, value != 0 {
        weight("blkio.weight_device", "blkio.bfq.weight_device", key + String(value), isKeyed: true)
      }
      if let value = device.leafWeight, value != 0 {
        settings.append(Setting("blkio.leaf_weight_device", key + String(value), isKeyed: true))
      }
    }
    func throttle(_ file: String, _ devices: [Resources.BlockIO.ThrottleDevice]) {
      for device in devices {
        let line = String(device.major) + ":" + String(device.minor) + " " + String(device.rate)
        settings.append(Setting("blkio.throttle." + file, line, isKeyed: true))
      }
    }
    throttle("read_bps_device", io.throttleReadBpsDevice)
    throttle("write_bps_device", io.throttleWriteBpsDevice)
    throttle("read_iops_device", io.throttleReadIOPSDevice)
    throttle("write_iops_device", io.throttleWriteIOPSDevice)
    return settings
  }

  /// Both what is used and, where the kernel can count it (Linux 5.7), what is reserved.
  static func hugetlb(_ limits: [Resources.HugepageLimit], _ suffix: String) -> [Setting] {
    var settings: [Setting] = []
    for limit in limits {
      let prefix = "hugetlb." + limit.pageSize + "."
      settings.append(Setting(prefix + suffix, String(limit.limit)))
      settings.append(Setting(prefix + "rsvd." + suffix, String(limit.limit), mayBeMissing: true))
    }
    return settings
  }

  static func netCls(_ network: Resources.Network?) -> [Setting] {
    guard let id = network?.classID, id != 0 else { return [] }
    return [Setting("net_cls.classid", String(id))]
  }

  static func netPrio(_ network: Resources.Network?) -> [Setting] {
    network?.priorities.map { Setting("net_prio.ifpriomap", $0.name + " " + String($0.priority), isKeyed: true) } ?? []
  }

  static func rdma(_ devices: OrderedMap<Resources.Rdma>) -> [Setting] {
    var settings: [Setting] = []
    for device in devices {
      var line = device.key
      if let handles = device.value.hcaHandles { line += " hca_handle=" + String(handles) }
      if let objects = device.value.hcaObjects { line += " hca_object=" + String(objects) }
      settings.append(Setting("rdma.max", line, isKeyed: true))
    }
    return settings
  }

  /// Zero stands for "leave it as it is": engines send the whole object.
  static func asked(_ value: Int64?) -> Int64? { value == 0 ? nil : value }
}

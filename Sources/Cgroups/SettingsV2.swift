import Linux
import OCI

/// `linux.resources` as files of cgroup v2 (kernel documentation, admin-guide/cgroup-v2), converted where v2 counts
/// otherwise; what v2 cannot do is an error.
enum SettingsV2 {
  /// - Parameter current: what a file says now, for the few values that depend on another.
  static func of(
    _ controller: Controller, _ resources: Resources, _ purpose: Purpose, current: (String) -> String?
  ) throws(Failure) -> [Setting] {
    switch controller {
    case .memory: return try resources.memory.map { (memory) throws(Failure) in try self.memory(memory, current) } ?? []
    case .cpu: return try cpu(resources.cpu ?? .init(), current)
    case .cpuset: return SettingsV1.cpuset(resources.cpu)
    case .pids: return SettingsV1.pids(resources.pids, purpose)
    case .io: return try resources.blockIO.map { (blockIO) throws(Failure) in try io(blockIO) } ?? []
    case .hugetlb: return SettingsV1.hugetlb(resources.hugepageLimits, "max")
    case .rdma: return SettingsV1.rdma(resources.rdma)
    default: return []
    }
  }

  static func memory(_ memory: Resources.Memory, _ current: (String) -> String?) throws(Failure) -> [Setting] {
    if let kernelTCP = memory.kernelTCP, kernelTCP > 0 { throw missing("memory.kernelTCP") }
    if memory.swappiness != nil { throw missing("memory.swappiness") }
    if memory.disableOOMKiller == true { throw missing("memory.disableOOMKiller") }

    var settings: [Setting] = []
    if let swap = try swap(memory, current) {
      // A kernel without swap has no file, and neither has nothing to forbid nor to allow.
      settings.append(Setting("memory.swap.max", swap, mayBeMissing: swap == "0" || swap == "max"))
    }
    if let limit = SettingsV1.asked(memory.limit) {
      if memory.checkBeforeUpdate == true, limit >= 0, let text = current("memory.current"), let used = Int64(text),
        used > limit
      {
        throw Failure(
          "cgroup: linux.resources.memory.limit " + String(limit) + " is below the " + String(used)
            + " bytes in use, and checkBeforeUpdate is set")
      }
      settings.append(Setting("memory.max", bytes(limit)))
    }
    if let reservation = SettingsV1.asked(memory.reservation) {
      settings.append(Setting("memory.low", bytes(reservation)))
    }
    return settings
  }

  /// v1 limits memory and swap together, v2 swap alone.
  static func swap(_ memory: Resources.Memory, _ current: (String) -> String?) throws(Failure) -> String? {
    guard let swap = SettingsV1.asked(memory.swap) else { return memory.limit == -1 ? "max" : nil }
    if swap < 0 { return "max" }
    let limit = SettingsV1.asked(memory.limit) ?? current("memory.max").flatMap { Int64($0) }
    guard let limit, limit >= 0 else {
      throw Failure("cgroup: linux.resources.memory.swap counts memory too, and memory.limit is not set")
    }
    guard swap >= limit else {
      throw Failure(
        "cgroup: linux.resources.memory.swap " + String(swap) + " is smaller than memory.limit " + String(limit)
          + "; it counts memory and swap together")
    }
    return String(swap - limit)
  }

  static func cpu(_ cpu: Resources.CPU, _ current: (String) -> String?) throws(Failure) -> [Setting] {
    if let runtime = cpu.realtimeRuntime, runtime != 0 { throw missing("cpu.realtimeRuntime") }
    if let period = cpu.realtimePeriod, period != 0 { throw missing("cpu.realtimePeriod") }
    var settings: [Setting] = []
    if let shares = cpu.shares, shares != 0 {
      settings.append(Setting("cpu.weight", String(weight(shares: shares)), isExchangeable: true))
    }
    if let idle = cpu.idle {
      settings.append(Setting("cpu.idle", String(idle), mayBeMissing: idle == 0, isExchangeable: true))
    }
    let quota = SettingsV1.asked(cpu.quota).map { $0 < 0 ? "max" : String($0) }
    if let period = cpu.period, period != 0 {
      // A period has no meaning without the quota in the same file: the present one stays.
      let kept = current("cpu.max")?.split(separator: " ").first.map { String($0) } ?? "max"
      settings.append(Setting("cpu.max", (quota ?? kept) + " " + String(period), isExchangeable: true))
    } else if let quota {
      settings.append(Setting("cpu.max", quota, isExchangeable: true))
    }
    if let burst = cpu.burst {
      settings.append(Setting("cpu.max.burst", String(burst), mayBeMissing: burst == 0, isExchangeable: true))
    }
    return settings
  }

  /// Shares (2 to 262144, usually 1024) to weight (1 to 10000, usually 100): a parabola through the logarithms of these
  /// three pairs, so that the usual stays the usual.
  static func weight(shares: UInt64) -> UInt64 {
    if shares <= 2 { return 1 }
    if shares >= 262_144 { return 10_000 }
    let l = Logarithm.base2(Double(shares))
    return UInt64(Logarithm.power(10, (l * l + 125 * l) / 612 - 7.0 / 34).rounded(.up))
  }

  static func io(_ io: Resources.BlockIO) throws(Failure) -> [Setting] {
    if let leaf = io.leafWeight, leaf != 0 { throw missing("blockIO.leafWeight") }
    var settings: [Setting] = []
    // BFQ takes the weight as it is; io.weight (io.cost) counts from 1 to 10000.
    func weight(_ key: String, _ value: UInt16) {
      let converted = Setting("io.weight", key + String(ioWeight(value)), isKeyed: true)
      settings.append(Setting("io.bfq.weight", key + String(value), isKeyed: true, orElse: [converted]))
    }
    if let value = io.weight, value != 0 { weight("default ", value) }
    for device in io.weightDevice {
      if let leaf = device.leafWeight, leaf != 0 { throw missing("blockIO.weightDevice.leafWeight") }
      if let value = device.weight, value != 0 {
        weight(String(device.major) + ":" + String(device.minor) + " ", value)
      }
    }
    func throttle(_ key: String, _ devices: [Resources.BlockIO.ThrottleDevice]) {
      for device in devices {
        let rate = device.rate == 0 ? "max" : String(device.rate)
        let line = String(device.major) + ":" + String(device.minor) + " " + key + "=" + rate
        settings.append(Setting("io.max", line, isKeyed: true))
      }
    }
    throttle("rbps", io.throttleReadBpsDevice)
    throttle("wbps", io.throttleWriteBpsDevice)
    throttle("riops", io.throttleReadIOPSDevice)
    throttle("wiops", io.throttleWriteIOPSDevice)
    return settings
  }

  /// 10 to 1000 as 1 to 10000, on a straight line.
  static func ioWeight(_ weight: UInt16) -> UInt64 {
    let clamped = UInt64(min(max(weight, 10), 1000))
    return 1 + (clamped - 10) * 9999 / 990
  }

  /// `linux.resources.unified`: as it stands, a line a write.
  static func unified(_ map: StringMap) throws(Failure) -> [(controller: Substring, settings: [Setting])] {
    var found: [(controller: Substring, settings: [Setting])] = []
    for entry in map {
      guard let dot = entry.key.firstIndex(of: "."), !entry.key.utf8.contains(UInt8(ascii: "/")) else {
        throw Failure("cgroup: linux.resources.unified: \"" + entry.key + "\" is not the name of a cgroup v2 file")
      }
      let lines = entry.value.split(separator: "\n")
      found.append(
        (entry.key[..<dot], lines.map { Setting(entry.key, String($0), isKeyed: isKeyed(entry.key)) }))
    }
    return found
  }

  private static func isKeyed(_ file: String) -> Bool {
    file == "io.max" || file == "io.weight" || file == "io.bfq.weight" || file == "io.latency" || file == "rdma.max"
      || file == "misc.max"
  }

  private static func bytes(_ value: Int64) -> String { value < 0 ? "max" : String(value) }

  private static func missing(_ property: String) -> Failure {
    Failure("cgroup: linux.resources." + property + " does not exist on cgroup v2; remove it")
  }
}

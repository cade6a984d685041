extension Config.Linux.Resources {
  /// All but the device rules.
  public var withoutDevices: Config.Linux.Resources {
    var others = self
    others.devices = []
    return others
  }

  /// Takes over what `changes` asks for. As in `update`, absent and zero mean "leave it as it is", where zero is no value
  /// of its own; lists are merged by what their entries are about, except for the device rules, which only make sense
  /// together.
  public mutating func merge(_ changes: Config.Linux.Resources) {
    if !changes.devices.isEmpty { devices = changes.devices }
    memory = both(memory, changes.memory, Memory()) { $0.merged(with: $1) }
    cpu = both(cpu, changes.cpu, CPU()) { $0.merged(with: $1) }
    if let limit = changes.pids?.limit, limit != 0 { pids = Pids(limit: limit) }
    blockIO = both(blockIO, changes.blockIO, BlockIO()) { $0.merged(with: $1) }
    hugepageLimits.merge(changes.hugepageLimits) { $0.pageSize == $1.pageSize }
    network = both(network, changes.network, Network()) { $0.merged(with: $1) }
    for entry in changes.rdma {
      let old = rdma[entry.key]
      rdma[entry.key] = Rdma(
        hcaHandles: entry.value.hcaHandles ?? old?.hcaHandles, hcaObjects: entry.value.hcaObjects ?? old?.hcaObjects)
    }
    for entry in changes.unified { unified[entry.key] = entry.value }
  }

  /// What has to be written where these changes meet limits that hold already: some values mean something only together.
  ///
  /// - Parameter merged: the limits with the changes in them.
  public func completed(from merged: Config.Linux.Resources) -> Config.Linux.Resources {
    var complete = self
    if asked(memory?.limit) != nil {
      // Memory and swap together stay what they are: on cgroup v2 that is less swap where memory gets more.
      complete.memory?.swap = merged.memory?.swap
      complete.memory?.checkBeforeUpdate = merged.memory?.checkBeforeUpdate
    }
    if asked(cpu?.quota) != nil || asked(cpu?.period) != nil {
      // The quota is a time, which a new period leaves alone; systemd keeps a share, which it would make another time of.
      complete.cpu?.quota = merged.cpu?.quota
      complete.cpu?.period = merged.cpu?.period
    }
    return complete
  }
}

extension Config.Linux.Resources.Memory {
  fileprivate func merged(with other: Self) -> Self {
    var merged = self
    if let limit = asked(other.limit) {
      merged.limit = limit
      // Memory cannot be unlimited while memory and swap together are limited.
      if limit == -1 { merged.swap = swap == nil ? nil : -1 }
    }
    merged.reservation = asked(other.reservation) ?? reservation
    if let swap = asked(other.swap) { merged.swap = swap }
    merged.kernel = asked(other.kernel) ?? kernel
    merged.kernelTCP = asked(other.kernelTCP) ?? kernelTCP
    merged.swappiness = other.swappiness ?? swappiness
    merged.disableOOMKiller = other.disableOOMKiller ?? disableOOMKiller
    merged.useHierarchy = other.useHierarchy ?? useHierarchy
    merged.checkBeforeUpdate = other.checkBeforeUpdate ?? checkBeforeUpdate
    return merged
  }
}

extension Config.Linux.Resources.CPU {
  fileprivate func merged(with other: Self) -> Self {
    Self(
      shares: asked(other.shares) ?? shares, quota: asked(other.quota) ?? quota, burst: other.burst ?? burst,
      period: asked(other.period) ?? period, realtimeRuntime: asked(other.realtimeRuntime) ?? realtimeRuntime,
      realtimePeriod: asked(other.realtimePeriod) ?? realtimePeriod, cpus: other.cpus ?? cpus, mems: other.mems ?? mems,
      idle: other.idle ?? idle)
  }
}

extension Config.Linux.Resources.BlockIO {
  fileprivate func merged(with other: Self) -> Self {
    var merged = self
    merged.weight = asked(other.weight) ?? weight
    merged.leafWeight = asked(other.leafWeight) ?? leafWeight
    for device in other.weightDevice {
      let same = { (old: WeightDevice) in old.major == device.major && old.minor == device.minor }
      let old = merged.weightDevice.first(where: same)
      let new = WeightDevice(
        major: device.major, minor: device.minor, weight: asked(device.weight) ?? old?.weight,
        leafWeight: asked(device.leafWeight) ?? old?.leafWeight)
      merged.weightDevice.removeAll(where: same)
      merged.weightDevice.append(new)
    }
    func merge(_ rates: inout [ThrottleDevice], _ new: [ThrottleDevice]) {
      rates.merge(new) { $0.major == $1.major && $0.minor == $1.minor }
    }
    merge(&merged.throttleReadBpsDevice, other.throttleReadBpsDevice)
    merge(&merged.throttleWriteBpsDevice, other.throttleWriteBpsDevice)
    merge(&merged.throttleReadIOPSDevice, other.throttleReadIOPSDevice)
    merge(&merged.throttleWriteIOPSDevice, other.throttleWriteIOPSDevice)
    return merged
  }
}

extension Config.Linux.Resources.Network {
  fileprivate func merged(with other: Self) -> Self {
    var merged = self
    merged.classID = asked(other.classID) ?? classID
    merged.priorities.merge(other.priorities) { $0.name == $1.name }
    return merged
  }
}

/// What is empty is not made.
private func both<T: Equatable>(_ old: T?, _ changes: T?, _ empty: T, _ merged: (T, T) -> T) -> T? {
  guard let changes else { return old }
  let result = merged(old ?? empty, changes)
  return result == empty ? old : result
}

extension Array {
  /// Replaces the entries that are about the same as one of the new ones.
  fileprivate mutating func merge(_ new: [Element], isSame: (Element, Element) -> Bool) {
    for entry in new {
      removeAll { isSame($0, entry) }
      append(entry)
    }
  }
}

/// Engines that send the whole object write zero for what they do not mean to change.
private func asked<T: FixedWidthInteger>(_ value: T?) -> T? { value == 0 ? nil : value }

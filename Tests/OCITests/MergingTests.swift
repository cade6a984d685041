import Testing

@testable import OCI

/// What `update` makes of limits that hold and changes to them.
@Suite struct Merging {
  private typealias Resources = Config.Linux.Resources

  private func merged(_ old: Resources, _ changes: Resources) -> Resources {
    var limits = old
    limits.merge(changes)
    return limits
  }

  private let full = Resources(
    devices: [.init(allow: false)], memory: .init(limit: 8, reservation: 4, swap: 9, swappiness: 60),
    cpu: .init(shares: 2, quota: 3, burst: 1, period: 4, cpus: "0-3", idle: 1), pids: .init(limit: 7),
    blockIO: .init(
      weight: 10, weightDevice: [.init(major: 8, minor: 0, weight: 20, leafWeight: 30)],
      throttleReadBpsDevice: [.init(major: 8, minor: 0, rate: 100), .init(major: 8, minor: 16, rate: 200)]),
    hugepageLimits: [.init(pageSize: "2MB", limit: 1), .init(pageSize: "1GB", limit: 2)],
    network: .init(classID: 5, priorities: [.init(name: "lo", priority: 1)]),
    rdma: ["mlx5_1": .init(hcaHandles: 3, hcaObjects: 4)], unified: ["memory.high": "1"])

  @Test func nothingChangesNothing() {
    #expect(merged(full, Resources()) == full)
    #expect(merged(Resources(), full) == full)
    #expect(merged(full, full) == full)
    #expect(merged(Resources(), Resources(memory: .init(), cpu: .init(), blockIO: .init())) == Resources())
  }

  @Test func zeroLeavesAValueWhereItIsNone() {
    let zeros = Resources(
      memory: .init(limit: 0, reservation: 0, swap: 0, kernel: 0, kernelTCP: 0),
      cpu: .init(shares: 0, quota: 0, period: 0, realtimeRuntime: 0, realtimePeriod: 0), pids: .init(limit: 0),
      blockIO: .init(weight: 0, leafWeight: 0), network: .init(classID: 0))
    #expect(merged(full, zeros) == full)
    #expect(merged(Resources(), zeros) == Resources())
  }

  @Test func zeroIsAValueWhereItIsOne() {
    let zeros = Resources(
      memory: .init(swappiness: 0, disableOOMKiller: false), cpu: .init(burst: 0, idle: 0),
      blockIO: .init(throttleReadBpsDevice: [.init(major: 8, minor: 0, rate: 0)]))
    let result = merged(full, zeros)
    #expect(result.memory == .init(limit: 8, reservation: 4, swap: 9, swappiness: 0, disableOOMKiller: false))
    #expect(result.cpu?.burst == 0)
    #expect(result.cpu?.idle == 0)
    // The devices that are not spoken of keep their rate.
    #expect(
      result.blockIO?.throttleReadBpsDevice == [
        .init(major: 8, minor: 16, rate: 200), .init(major: 8, minor: 0, rate: 0),
      ])
  }

  @Test func listsAreMergedByWhatTheirEntriesAreAbout() {
    let changes = Resources(
      blockIO: .init(weightDevice: [.init(major: 8, minor: 0, weight: 21)]),
      hugepageLimits: [.init(pageSize: "1GB", limit: 3)],
      network: .init(priorities: [.init(name: "eth0", priority: 2)]), rdma: ["mlx5_1": .init(hcaObjects: 5)],
      unified: ["memory.low": "2"])
    let result = merged(full, changes)
    #expect(result.blockIO?.weightDevice == [.init(major: 8, minor: 0, weight: 21, leafWeight: 30)])
    #expect(result.hugepageLimits == [.init(pageSize: "2MB", limit: 1), .init(pageSize: "1GB", limit: 3)])
    #expect(result.network?.priorities == [.init(name: "lo", priority: 1), .init(name: "eth0", priority: 2)])
    #expect(result.network?.classID == 5)
    #expect(result.rdma == ["mlx5_1": .init(hcaHandles: 3, hcaObjects: 5)])
    #expect(result.unified == ["memory.high": "1", "memory.low": "2"])
  }

  @Test func deviceRulesAreReplacedTogether() {
    let rules: [Resources.DeviceRule] = [.init(allow: false), .init(allow: true, type: .block)]
    #expect(merged(full, Resources(devices: rules)).devices == rules)
  }

  @Test func unlimitedMemoryTakesTheLimitWithSwapAlong() {
    #expect(merged(full, Resources(memory: .init(limit: -1))).memory?.swap == -1)
    #expect(merged(Resources(), Resources(memory: .init(limit: -1))).memory?.swap == nil)
  }

  /// On cgroup v2 the limit of swap is the difference: it has to be written anew.
  @Test func aNewMemoryLimitComesWithTheOldSwap() {
    let changes = Resources(memory: .init(limit: 7))
    #expect(changes.completed(from: merged(full, changes)).memory == .init(limit: 7, swap: 9))
    let other = Resources(memory: .init(reservation: 7))
    #expect(other.completed(from: merged(full, other)) == other)
  }

  /// systemd keeps their ratio: either makes something else of the other.
  @Test func aNewPeriodComesWithTheOldQuota() {
    let changes = Resources(cpu: .init(period: 7))
    #expect(changes.completed(from: merged(full, changes)).cpu == .init(quota: 3, period: 7))
    let other = Resources(cpu: .init(shares: 7))
    #expect(other.completed(from: merged(full, other)) == other)
  }

  @Test func whetherUsageIsLookedAtIsRemembered() {
    let changes = Resources(memory: .init(limit: 7))
    let old = Resources(memory: .init(checkBeforeUpdate: true))
    #expect(changes.completed(from: merged(old, changes)).memory?.checkBeforeUpdate == true)
  }
}

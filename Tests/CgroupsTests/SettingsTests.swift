import OCI
import Testing

@testable import Cgroups

/// `file=value` of each setting, which reads better in tables.
private func lines(_ settings: [Setting]) -> [String] { settings.map { $0.file + "=" + $0.value } }

struct Conversion: Sendable, CustomTestStringConvertible {
  var resources: Config.Linux.Resources
  var controller: String
  var v1: [String]
  var v2: [String]
  var testDescription: String { v1.joined(separator: " ") + " → " + v2.joined(separator: " ") }

  static func memory(_ memory: Config.Linux.Resources.Memory, _ v1: [String], _ v2: [String]) -> Conversion {
    Conversion(resources: .init(memory: memory), controller: "memory", v1: v1, v2: v2)
  }
  static func cpu(_ cpu: Config.Linux.Resources.CPU, _ v1: [String], _ v2: [String]) -> Conversion {
    Conversion(resources: .init(cpu: cpu), controller: "cpu", v1: v1, v2: v2)
  }
  static func io(_ io: Config.Linux.Resources.BlockIO, _ v1: [String], _ v2: [String]) -> Conversion {
    Conversion(resources: .init(blockIO: io), controller: "blkio", v1: v1, v2: v2)
  }
  static func pids(_ limit: Int64, _ lines: [String]) -> Conversion {
    Conversion(resources: .init(pids: .init(limit: limit)), controller: "pids", v1: lines, v2: lines)
  }
}

private let conversions: [Conversion] = [
  .memory(.init(), [], []),
  .memory(.init(limit: 0, reservation: 0, swap: 0, kernel: 0, kernelTCP: 0, disableOOMKiller: false), [], []),
  .memory(.init(limit: 64), ["memory.limit_in_bytes=64"], ["memory.max=64"]),
  .memory(
    .init(limit: 64, swap: 100), ["memory.limit_in_bytes=64", "memory.memsw.limit_in_bytes=100"],
    ["memory.swap.max=36", "memory.max=64"]),
  .memory(
    .init(limit: 64, swap: 64), ["memory.limit_in_bytes=64", "memory.memsw.limit_in_bytes=64"],
    ["memory.swap.max=0", "memory.max=64"]),
  .memory(
    .init(limit: 64, swap: -1), ["memory.limit_in_bytes=64", "memory.memsw.limit_in_bytes=-1"],
    ["memory.swap.max=max", "memory.max=64"]),
  // Unlimited memory lifts the limit of both together.
  .memory(
    .init(limit: -1), ["memory.limit_in_bytes=-1", "memory.memsw.limit_in_bytes=-1"],
    ["memory.swap.max=max", "memory.max=max"]),
  // Only swap: counted from the limit that is there, 4096 in this table.
  .memory(.init(swap: 5000), ["memory.memsw.limit_in_bytes=5000"], ["memory.swap.max=904"]),
  .memory(.init(reservation: 32), ["memory.soft_limit_in_bytes=32"], ["memory.low=32"]),
  .memory(.init(reservation: -1), ["memory.soft_limit_in_bytes=-1"], ["memory.low=max"]),
  .memory(
    .init(kernel: -1, kernelTCP: -1), ["memory.kmem.limit_in_bytes=-1", "memory.kmem.tcp.limit_in_bytes=-1"], []),
  .memory(.init(useHierarchy: true), ["memory.use_hierarchy=1"], []),
  .cpu(.init(shares: 0, quota: 0, period: 0, realtimeRuntime: 0, realtimePeriod: 0), [], []),
  .cpu(.init(shares: 1024), ["cpu.shares=1024"], ["cpu.weight=100"]),
  .cpu(
    .init(quota: 50000, period: 100000), ["cpu.cfs_period_us=100000", "cpu.cfs_quota_us=50000"],
    ["cpu.max=50000 100000"]),
  .cpu(.init(quota: 50000), ["cpu.cfs_quota_us=50000"], ["cpu.max=50000"]),
  .cpu(.init(quota: -1), ["cpu.cfs_quota_us=-1"], ["cpu.max=max"]),
  // Only the period: the quota of this table, 20000, stays.
  .cpu(.init(period: 50000), ["cpu.cfs_period_us=50000"], ["cpu.max=20000 50000"]),
  .cpu(.init(burst: 1000), ["cpu.cfs_burst_us=1000"], ["cpu.max.burst=1000"]),
  .cpu(.init(idle: 1), ["cpu.idle=1"], ["cpu.idle=1"]),
  .pids(100, ["pids.max=100"]),
  .pids(-1, ["pids.max=max"]),
  .pids(0, ["pids.max=1"]),
  .io(.init(weight: 0, leafWeight: 0), [], []),
  .io(.init(weight: 500), ["blkio.weight=500"], ["io.bfq.weight=default 500"]),
  .io(
    .init(weightDevice: [.init(major: 8, minor: 16, weight: 10)]), ["blkio.weight_device=8:16 10"],
    ["io.bfq.weight=8:16 10"]),
  .io(
    .init(
      throttleReadBpsDevice: [.init(major: 8, minor: 0, rate: 1)],
      throttleWriteBpsDevice: [.init(major: 8, minor: 0, rate: 2)],
      throttleReadIOPSDevice: [.init(major: 8, minor: 0, rate: 3)],
      throttleWriteIOPSDevice: [.init(major: 8, minor: 0, rate: 0)]),
    [
      "blkio.throttle.read_bps_device=8:0 1", "blkio.throttle.write_bps_device=8:0 2",
      "blkio.throttle.read_iops_device=8:0 3", "blkio.throttle.write_iops_device=8:0 0",
    ],
    ["io.max=8:0 rbps=1", "io.max=8:0 wbps=2", "io.max=8:0 riops=3", "io.max=8:0 wiops=max"]),
  Conversion(
    resources: .init(cpu: .init(cpus: "0-1", mems: "")), controller: "cpuset", v1: ["cpuset.cpus=0-1"],
    v2: ["cpuset.cpus=0-1"]),
  Conversion(
    resources: .init(hugepageLimits: [.init(pageSize: "2MB", limit: 7)]), controller: "hugetlb",
    v1: ["hugetlb.2MB.limit_in_bytes=7", "hugetlb.2MB.rsvd.limit_in_bytes=7"],
    v2: ["hugetlb.2MB.max=7", "hugetlb.2MB.rsvd.max=7"]),
  Conversion(
    resources: .init(rdma: ["mlx5": .init(hcaHandles: 3, hcaObjects: 10), "rxe": .init(hcaObjects: 1)]),
    controller: "rdma", v1: ["rdma.max=mlx5 hca_handle=3 hca_object=10", "rdma.max=rxe hca_object=1"],
    v2: ["rdma.max=mlx5 hca_handle=3 hca_object=10", "rdma.max=rxe hca_object=1"]),
  Conversion(
    resources: .init(network: .init(classID: 0x100001)), controller: "net_cls", v1: ["net_cls.classid=1048577"], v2: []),
  Conversion(
    resources: .init(network: .init(priorities: [.init(name: "eth0", priority: 5)])), controller: "net_prio",
    v1: ["net_prio.ifpriomap=eth0 5"], v2: []),
]

@Suite struct SettingsTests {
  @Test(arguments: conversions)
  func resourcesBecomeFiles(_ conversion: Conversion) throws {
    let controller = try #require(Controller.all.first { $0.v1 == conversion.controller })
    let v1 = try SettingsV1.of(controller, conversion.resources, .create)
    #expect(lines(v1) == conversion.v1)
    let present = ["memory.max": "4096", "cpu.max": "20000 100000"]
    let v2 = try SettingsV2.of(controller, conversion.resources, .create) { present[$0] }
    #expect(lines(v2) == conversion.v2)
  }

  @Test(
    arguments: [
      (0, 1), (1, 1), (2, 1), (10, 4), (100, 17), (512, 59), (1024, 100), (2048, 174), (262_144, 10000),
      (UInt64.max, 10000),
    ] as [(UInt64, UInt64)])
  func sharesBecomeWeight(shares: UInt64, weight: UInt64) {
    #expect(SettingsV2.weight(shares: shares) == weight)
  }

  @Test func moreSharesNeverWeighLess() {
    var last: UInt64 = 0
    for shares in stride(from: UInt64(2), through: 262_144, by: 7) {
      let weight = SettingsV2.weight(shares: shares)
      #expect(weight >= last && weight >= 1 && weight <= 10000)
      last = weight
    }
  }

  @Test(arguments: [(10, 1), (100, 910), (500, 4950), (1000, 10000), (5, 1), (2000, 10000)] as [(UInt16, UInt64)])
  func blockWeightBecomesIOWeight(weight: UInt16, expected: UInt64) {
    #expect(SettingsV2.ioWeight(weight) == expected)
  }

  @Test(arguments: [
    (Config.Linux.Resources(memory: .init(kernelTCP: 1)), "memory.kernelTCP"),
    (.init(memory: .init(swappiness: 0)), "memory.swappiness"),
    (.init(memory: .init(disableOOMKiller: true)), "memory.disableOOMKiller"),
    (.init(cpu: .init(realtimeRuntime: 1)), "cpu.realtimeRuntime"),
    (.init(cpu: .init(realtimePeriod: 1)), "cpu.realtimePeriod"), (.init(blockIO: .init(leafWeight: 1)), "leafWeight"),
    (.init(memory: .init(limit: 10, swap: 5)), "smaller than memory.limit"),
    (.init(memory: .init(limit: -1, swap: 5)), "memory.limit is not set"),
    (.init(memory: .init(limit: 10, checkBeforeUpdate: true)), "below the 5000 bytes in use"),
  ])
  func whatV2CannotDoIsRefused(resources: Config.Linux.Resources, text: String) {
    let message = failure {
      for controller in Controller.all {
        _ = try SettingsV2.of(controller, resources, .create) { $0 == "memory.current" ? "5000" : nil }
      }
    }
    #expect(message?.contains(text) == true)
  }

  @Test(arguments: [UInt64(1), 262_145])
  func sharesThatTheKernelWouldReplaceAreRefused(shares: UInt64) {
    #expect(failure { _ = try SettingsV1.cpu(.init(shares: shares)) }?.contains("between 2 and 262144") == true)
  }

  @Test func updateLeavesZeroAlone() throws {
    #expect(SettingsV1.pids(.init(limit: 0), .update).isEmpty)
    #expect(lines(SettingsV1.memory(.init(disableOOMKiller: false), .update)) == ["memory.oom_control=0"])
  }

  @Test func unifiedGoesLineByLine() throws {
    let found = try SettingsV2.unified(["io.max": "8:0 rbps=1\n8:16 rbps=2\n", "cgroup.max.depth": "3"])
    #expect(found.map { String($0.controller) } == ["io", "cgroup"])
    #expect(lines(found[0].settings) == ["io.max=8:0 rbps=1", "io.max=8:16 rbps=2"])
    for name in ["../memory.max", "memory", ""] {
      #expect(failure { _ = try SettingsV2.unified([name: "1"]) }?.contains("not the name of a cgroup v2 file") == true)
    }
  }

  @Test(arguments: [
    (Setting("memory.max", "5"), "max", "max"), (Setting("cpuset.cpus", "0"), "", "\n"),
    (Setting("memory.oom_control", "1"), "oom_kill_disable 0\nunder_oom 0", "0"),
    (Setting("io.max", "8:0 rbps=1", isKeyed: true), "8:16 rbps=9\n8:0 rbps=7 wbps=max", "8:0 rbps=7 wbps=max"),
    (Setting("io.max", "8:0 rbps=1", isKeyed: true), "", "8:0 rbps=max wbps=max riops=max wiops=max"),
    (Setting("io.weight", "8:0 5", isKeyed: true), "default 100", "8:0 default"),
    (Setting("blkio.throttle.read_bps_device", "8:0 5", isKeyed: true), "", "8:0 0"),
  ])
  func aChangeKnowsItsUndoing(setting: Setting, old: String, expected: String) {
    #expect(setting.undo(old) == expected)
  }
}

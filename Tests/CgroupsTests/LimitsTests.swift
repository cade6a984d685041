import Testing

@testable import Cgroups

/// Limits written into a tree of plain files.
@Suite struct LimitsTests {
  let tree = FakeTree()

  private func v1(_ files: [String: String]) throws -> Cgroup {
    for name in ["memory", "cpu,cpuacct", "pids"] { tree.file("fs/\(name)/cgroup.procs") }
    for (file, content) in files { tree.file("fs/" + file, content) }
    return try Cgroup(path: "/x", in: try tree.detect("3:pids:/\n2:cpu,cpuacct:/\n1:memory:/\n"))
  }

  private func v2(_ files: [String: String], controllers: String = "cpu io memory pids") throws -> Cgroup {
    tree.file("fs/cgroup.controllers", controllers)
    tree.file("fs/x/cgroup.controllers", controllers)
    for (file, content) in files { tree.file("fs/x/" + file, content) }
    return try Cgroup(path: "/x", in: try tree.detect("0::/\n"))
  }

  @Test func eachLimitGoesToItsHierarchy() throws {
    let cgroup = try v1([
      "memory/x/memory.limit_in_bytes": "", "cpu,cpuacct/x/cpu.shares": "", "pids/x/pids.max": "",
    ])
    try cgroup.apply(.init(memory: .init(limit: 4096), cpu: .init(shares: 512), pids: .init(limit: 9)))
    #expect(tree.read("fs/memory/x/memory.limit_in_bytes") == "4096")
    #expect(tree.read("fs/cpu,cpuacct/x/cpu.shares") == "512")
    #expect(tree.read("fs/pids/x/pids.max") == "9")
  }

  @Test func onV2AllGoIntoOneDirectory() throws {
    let cgroup = try v2(["memory.max": "", "cpu.weight": "", "pids.max": ""])
    try cgroup.apply(.init(memory: .init(limit: 4096), cpu: .init(shares: 1024), pids: .init(limit: -1)))
    #expect(tree.read("fs/x/memory.max") == "4096")
    #expect(tree.read("fs/x/cpu.weight") == "100")
    #expect(tree.read("fs/x/pids.max") == "max")
  }

  @Test func aLimitWithoutItsFileNamesFileValueAndReason() throws {
    let cgroup = try v1(["memory/x/cgroup.procs": ""])
    let message = failure { try cgroup.apply(.init(memory: .init(limit: 67_108_864))) }
    let text = "cgroup: write \"67108864\" to \(tree.root)/fs/memory/x/memory.limit_in_bytes: No such file or directory"
    #expect(message?.hasPrefix(text) == true)
  }

  @Test func aLimitWithoutItsControllerIsRefused() throws {
    let cgroup = try v1([:])
    let message = failure { try cgroup.apply(.init(hugepageLimits: [.init(pageSize: "2MB", limit: 1)])) }
    #expect(message?.contains("no controller \"hugetlb\"") == true)
  }

  @Test func aControllerThatV2DoesNotHaveIsRefused() throws {
    let cgroup = try v2(["cpu.weight": ""], controllers: "cpu")
    let message = failure { try cgroup.apply(.init(memory: .init(limit: 1))) }
    #expect(message?.contains("\"memory\" is not available on cgroup v2") == true)
    #expect(tree.read("fs/x/memory.max") == nil)
  }

  @Test func networkClassesAreRefusedOnV2() throws {
    let message = failure { try v2([:]).apply(.init(network: .init(classID: 1))) }
    #expect(message?.contains("no controller \"net_cls\"") == true)
  }

  @Test func unifiedIsRefusedOnV1() throws {
    let message = failure { try v1([:]).apply(.init(unified: ["memory.high": "1"])) }
    #expect(message?.contains("\"memory.high\", and this machine has cgroup v1 only") == true)
  }

  @Test func unifiedIsWrittenAsItStands() throws {
    let cgroup = try v2(["memory.high": "", "cgroup.max.depth": ""])
    try cgroup.apply(.init(unified: ["memory.high": "12345", "cgroup.max.depth": "2"]))
    #expect(tree.read("fs/x/memory.high") == "12345")
    #expect(tree.read("fs/x/cgroup.max.depth") == "2")
  }

  @Test func nothingAskedWritesNothing() throws {
    let cgroup = try v1([:])
    try cgroup.apply(
      .init(
        memory: .init(limit: 0, swap: 0, disableOOMKiller: false), cpu: .init(shares: 0, quota: 0, cpus: "", mems: ""),
        blockIO: .init(weight: 0), network: .init()))
  }

  @Test func anUpdateThatFailsTakesBackWhatItWrote() throws {
    let cgroup = try v2(["memory.max": "max", "cpu.weight": "100"])
    // There is no pids.max: the last of three writes fails.
    let message = failure {
      try cgroup.update(.init(memory: .init(limit: 5), cpu: .init(shares: 2), pids: .init(limit: 5)))
    }
    #expect(message?.contains("pids.max: No such file or directory") == true)
    // Plain files are overwritten from their start and not cut as the kernel's are.
    #expect(tree.read("fs/x/memory.max") == "max")
    #expect(tree.read("fs/x/cpu.weight") == "100")
  }

  @Test func aFileOfTheOtherSchedulerIsTried() throws {
    let cgroup = try v2(["io.weight": ""])
    try cgroup.apply(.init(blockIO: .init(weight: 10)))
    #expect(tree.read("fs/x/io.weight") == "default 1")
  }
}

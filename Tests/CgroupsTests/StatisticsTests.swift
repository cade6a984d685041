import JSON
import Testing

@testable import Cgroups

@Suite struct StatisticsTests {
  let tree = FakeTree()

  @Test func v1CountsAreRead() throws {
    for (file, content) in [
      ("cpu,cpuacct/x/cpu.stat", "nr_periods 5\nnr_throttled 2\nthrottled_time 77\nnr_bursts 1\nburst_time 9\n"),
      ("cpu,cpuacct/x/cpuacct.usage", "1100\n"),
      ("cpu,cpuacct/x/cpuacct.usage_all", "cpu user system\n0 600 100 \n1 300 100 \n"),
      ("memory/x/memory.stat", "cache 4096\nrss 8192\ntotal_rss 8192\n"),
      ("memory/x/memory.usage_in_bytes", "12288\n"), ("memory/x/memory.max_usage_in_bytes", "20480\n"),
      ("memory/x/memory.limit_in_bytes", "65536\n"), ("memory/x/memory.failcnt", "3\n"),
      ("memory/x/memory.memsw.usage_in_bytes", "13000\n"),
      ("memory/x/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 4\n"),
      ("pids/x/pids.current", "7\n"), ("pids/x/pids.max", "max\n"),
      ("blkio/x/blkio.throttle.io_service_bytes_recursive", "8:0 Read 10\n8:0 Write 20\nTotal 30\n"),
      ("blkio/x/blkio.throttle.io_serviced_recursive", "8:0 Read 1\nTotal 1\n"),
    ] {
      tree.file("fs/" + file, content)
    }
    for name in ["cpu,cpuacct", "memory", "pids", "blkio"] { tree.file("fs/\(name)/cgroup.procs") }
    let layout = try tree.detect("4:blkio:/\n3:pids:/\n2:memory:/\n1:cpu,cpuacct:/\n")
    let statistics = try Cgroup(path: "/x", in: layout).statistics()
    #expect(statistics.cpu.total == 1100)
    #expect(statistics.cpu.user == 900)
    #expect(statistics.cpu.kernel == 200)
    #expect(statistics.cpu.perCPUUser == [600, 300])
    #expect(statistics.cpu.throttledTime == 77)
    #expect(statistics.cpu.burstPeriods == 1)
    #expect(statistics.memory.cache == 4096)
    #expect(statistics.memory.memory == .init(usage: 12288, max: 20480, limit: 65536, failures: 3))
    #expect(statistics.memory.swap.usage == 13000)
    #expect(statistics.memory.events["oom_kill"] == 4)
    #expect(statistics.pids == .init(current: 7, limit: 0))
    #expect(
      statistics.blkio.serviceBytes == [
        .init(major: 8, minor: 0, operation: "Read", value: 10),
        .init(major: 8, minor: 0, operation: "Write", value: 20),
      ])
    #expect(statistics.blkio.serviced.count == 1)
  }

  private func v2() throws -> Cgroup {
    for (file, content) in [
      ("cgroup.controllers", "cpu io memory hugetlb pids\n"),
      ("cpu.stat", "usage_usec 10\nuser_usec 7\nsystem_usec 3\nnr_periods 5\nnr_throttled 2\nthrottled_usec 4\n"),
      (
        "cpu.pressure",
        "some avg10=7.95 avg60=16.36 avg300=0.08 total=355\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=1\n"
      ),
      ("memory.current", "1000\n"), ("memory.peak", "2000\n"), ("memory.max", "4000\n"),
      ("memory.swap.current", "50\n"), ("memory.swap.max", "max\n"), ("memory.stat", "anon 600\nfile 400\n"),
      ("memory.events", "low 0\nhigh 0\nmax 6\noom 2\noom_kill 1\n"), ("pids.current", "3\n"), ("pids.max", "100\n"),
      ("io.stat", "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6\n8:16 \n"),
      ("hugetlb.2MB.current", "2097152\n"), ("hugetlb.2MB.rsvd.current", "0\n"), ("hugetlb.2MB.events", "max 8\n"),
    ] {
      tree.file("fs/x/" + file, content)
    }
    tree.file("fs/cgroup.controllers", "cpu io memory hugetlb pids")
    return try Cgroup(path: "/x", in: try tree.detect("0::/\n"))
  }

  @Test func v2CountsAreReadInTheUnitsOfV1() throws {
    let statistics = try v2().statistics()
    #expect(statistics.cpu.total == 10_000)
    #expect(statistics.cpu.user == 7000)
    #expect(statistics.cpu.kernel == 3000)
    #expect(statistics.cpu.throttledTime == 4000)
    #expect(statistics.cpu.pressure?.some == .init(average10: 795, average60: 1636, average300: 8, total: 355))
    #expect(statistics.cpu.pressure?.full.total == 1)
    #expect(statistics.memory.pressure == nil)
    #expect(statistics.memory.memory == .init(usage: 1000, max: 2000, limit: 4000, failures: 6))
    #expect(statistics.memory.swap.usage == 1050)
    #expect(statistics.memory.swap.limit == .max)
    #expect(statistics.memory.cache == 400)
    #expect(statistics.memory.events["oom"] == 2)
    #expect(statistics.pids == .init(current: 3, limit: 100))
    #expect(
      statistics.blkio.serviceBytes.map { $0.operation + "=" + String($0.value) } == ["Read=1", "Write=2", "Discard=5"])
    #expect(
      statistics.blkio.serviced.map { $0.operation + "=" + String($0.value) } == ["Read=3", "Write=4", "Discard=6"])
    #expect(statistics.hugetlb == [.init(pageSize: "2MB", usage: 2_097_152, failures: 8)])
  }

  @Test func theyAreWrittenInTheUsualShape() throws {
    let text = String(decoding: Writer.encode(try v2().statistics()), as: UTF8.self)
    for part in [
      #""usage":{"total":10000,"kernel":3000,"user":7000}"#,
      #""psi":{"some":{"avg10":7.95,"avg60":16.36,"avg300":0.08,"total":355}"#,
      #""raw":{"anon":600,"file":400}"#, #""pids":{"current":3,"limit":100}"#,
      #""event_count":{"low":0,"high":0,"max":6,"oom":2,"oom_kill":1}"#,
      #""ioServiceBytesRecursive":[{"major":8,"minor":0,"op":"Read","value":1}"#,
      #""hugetlb":{"2MB":{"usage":2097152,"max":0,"failcnt":8}}"#,
    ] {
      #expect(text.contains(part), "\(text)")
    }
  }

  @Test func aCgroupThatIsGoneIsAnError() throws {
    tree.file("fs/cgroup.controllers")
    let cgroup = try Cgroup(path: "/gone", in: try tree.detect("0::/\n"))
    #expect(failure { _ = try cgroup.statistics() }?.contains("does not exist any more") == true)
  }

  @Test(
    arguments: [("", 0), ("12\n", 12), ("max\n", UInt64.max), ("18446744073709551615", UInt64.max)]
      as [(String, UInt64)])
  func numbersAreRead(text: String, expected: UInt64) {
    #expect(number(Array(text.utf8)[...]) == expected)
  }
}

import Foundation
import Testing

extension Integration {
  /// What a container uses, and what happens to it.
  @Suite struct EventStream {
    private static func statistics(_ bundle: Bundle) throws -> JSON {
      let outcome = try bundle.apus("events", "--stats", bundle.id)
      try #require(outcome.status == 0, "\(outcome)")
      #expect(outcome.lines.count == 1)
      return try JSON(parsing: outcome.output)
    }

    @Test func oneMeasurementHasTheShapeThatReadersKnow() throws {
      try withBundle { bundle throws in
        bundle.config["linux"]["resources"] = ["pids": ["limit": 40], "memory": ["limit": 134_217_728]]
        try bundle.launch("sh", "-c", "sleep 1000 & sleep 1000 & wait")
        try #require(
          waitUntil { (try? EventStream.statistics(bundle))?["data"]["pids"]["current"] == 3 })
        let event = try EventStream.statistics(bundle)
        #expect(event.keys == ["type", "id", "data"])
        #expect(event["type"] == "stats")
        #expect(event["id"] == .string(bundle.id))
        let data = event["data"]
        #expect(data.keys.isSuperset(of: ["cpu", "memory", "pids", "blkio", "hugetlb", "intel_rdt"]))
        #expect(data["pids"] == ["current": 3, "limit": 40])
        #expect(data["cpu"]["usage"]["total"].integer ?? 0 > 0)
        #expect(data["memory"]["usage"]["limit"] == 134_217_728)
        #expect(data["memory"]["usage"]["usage"].integer ?? 0 > 0)
        #expect(!data["memory"]["raw"].keys.isEmpty)
      }
    }

    @Test(.enabled(if: Files.exists("/sys/fs/cgroup/cpuset/cpuset.cpus"), "needs the cpuset controller of cgroup v1"))
    func theCPUsThatAContainerMayUseAreTold() throws {
      try withBundle { bundle throws in
        bundle.config["linux"]["resources"] = ["cpu": ["cpus": "0", "mems": "0"]]
        try bundle.launch("sleep", "1000")
        let set = try EventStream.statistics(bundle)["data"]["cpuset"]
        #expect(set["cpus"] == [0] && set["mems"] == [0])
        #expect(set["cpu_exclusive"] == 0 && set["sched_load_balance"] == 1 && set["sched_relax_domain_level"] == -1)
        let names = ["mem_hardwall", "mem_exclusive", "memory_migrate", "memory_spread_page", "memory_spread_slab"]
        #expect(set.keys.isSuperset(of: names + ["memory_pressure"]))
      }
    }

    @Test func interfacesOfTheContainersNetworkAreMeasured() throws {
      try withBundle { bundle throws in
        try bundle.launch("sleep", "1000")
        let pid = try bundle.pid()
        let made = try host("nsenter", "-t", "\(pid)", "-n", "ip", "link", "add", "eth9", "type", "veth")
        guard made.status == 0 else { try Test.cancel("no network interface can be made here") }
        let interfaces = try EventStream.statistics(bundle)["data"]["network_interfaces"]
        let eth9 = try #require(interfaces.elements.first { $0["Name"] == "eth9" })
        #expect(
          eth9.keys == [
            "Name", "RxBytes", "RxPackets", "RxErrors", "RxDropped", "TxBytes", "TxPackets", "TxErrors", "TxDropped",
          ])
        #expect(!interfaces.elements.contains { $0["Name"] == "lo" })
      }
    }

    @Test func withTheMachinesNetworkNoInterfaceIsTheContainers() throws {
      try withBundle { bundle throws in
        bundle.namespace("network")
        try bundle.launch("sleep", "1000")
        #expect(try EventStream.statistics(bundle)["data"]["network_interfaces"] == .null)
      }
    }

    @Test(arguments: ["created", "paused"])
    func aContainerThatStandsStillIsMeasured(_ status: String) throws {
      try withBundle { bundle throws in
        bundle.arguments = ["sleep", "1000"]
        try bundle.create()
        if status == "paused" { try bundle.apus("pause", bundle.id) }
        #expect(try bundle.status == status)
        #expect(try EventStream.statistics(bundle)["type"] == "stats")
      }
    }

    @Test func measurementsComeUntilTheContainerHasEnded() throws {
      try withBundle { bundle throws in
        try bundle.launch("sleep", "1000")
        let events = try bundle.begin(["events", "--interval", "20ms", bundle.id])
        try #require(waitUntil { try events.outputSoFar.filter { $0 == "\n" }.count >= 3 })
        try bundle.apus("kill", bundle.id, "KILL")
        let outcome = try events.finish()
        #expect(outcome.status == 0)
        #expect(outcome.errors == "")
        for line in outcome.lines { #expect(try JSON(parsing: line)["type"] == "stats") }
      }
    }

    @Test(.enabled(if: Hierarchies.limits("memory"), "needs the memory controller"))
    func wantOfMemoryIsToldAtOnce() throws {
      try withBundle { bundle throws in
        bundle.config["linux"]["resources"] = ["memory": ["limit": 33_554_432, "swap": 33_554_432]]
        bundle.arguments = ["sh", "-c", "head -c 100000000 /dev/zero | tail -c 90000000 | wc -c; true"]
        try bundle.create()
        let events = try bundle.begin(["events", "--interval", "1h", bundle.id])
        // It watches when it has opened what it waits for.
        try #require(waitUntil { Files.names("/proc/\(events.pid)/fd").count > 4 })
        try bundle.start()
        let outcome = try events.finish()
        #expect(outcome.status == 0)
        let line = try #require(outcome.lines.first, "\(outcome)")
        #expect(try JSON(parsing: line) == ["type": "oom", "id": .string(bundle.id)])
      }
    }

    @Test func theStreamEndsWhenNobodyReadsIt() throws {
      try withBundle { bundle throws in
        try bundle.launch("sleep", "1000")
        let command = "\(Machine.runtime) --root \(bundle.states) events --interval 10ms \(bundle.id) | head -n 1"
        let outcome = try host("sh", "-c", command)
        #expect(outcome.lines.count == 1)
        #expect(outcome.errors == "")
      }
    }

    @Test func aContainerThatDoesNotRunIsNotMeasured() throws {
      try withBundle { bundle throws in
        try bundle.launch("true")
        try bundle.waitUntilStopped()
        for flags in [["--stats"], []] {
          let events = try bundle.begin(["events"] + flags + [bundle.id]).finish()
          #expect(events.status == 1)
          #expect(events.errors == "apus: events: container \"\(bundle.id)\": container not running\n")
        }
        #expect(try bundle.apus("events", "--stats", "nobody").errors.contains("container does not exist"))
      }
    }

    @Test(arguments: ["0", "-1s", "5x", "", "s", "1s5", "0.5us"])
    func aBadIntervalIsRefused(_ interval: String) throws {
      try withBundle { bundle throws in
        let events = try bundle.apus("events", "--interval", interval, bundle.id)
        #expect(events.status == 1)
        #expect(events.errors.contains("option --interval: \"\(interval)\" is no time above zero"), "\(events)")
      }
    }
  }
}

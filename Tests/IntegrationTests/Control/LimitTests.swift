import Foundation
import Testing

extension Integration {
  /// Limits as a container feels them; those that it cannot feel here, as the kernel shows them.
  @Suite struct Limits {
    private static let hasMemoryV1 = Hierarchies.directory("memory") != nil
    private static let hasRealTimeGroups =
      Hierarchies.directory("cpu").map { Files.exists($0 + "/cpu.rt_runtime_us") } ?? false
    /// What a memory cgroup without a limit says.
    private static let unlimited = "9223372036854771712"

    private static func resources(_ bundle: Bundle, _ resources: JSON) {
      bundle.config["linux"]["resources"] = resources
    }

    // MARK: processes

    @Test(.enabled(if: Hierarchies.limits("pids"), "needs the pids controller"))
    func withALimitOfZeroProcessesThereIsTheFirstAlone() throws {
      try withBundle { bundle throws in
        bundle.config["ociVersion"] = "1.3.0"
        Limits.resources(bundle, ["pids": ["limit": 0]])
        bundle.arguments = ["sh", "-c", "echo alone; (echo two; true); echo not reached"]
        let run = try bundle.run()
        #expect(run.output == "alone\n")
        #expect(run.errors.contains("can't fork"), "\(run)")
      }
    }

    @Test(
      .enabled(if: Hierarchies.directory("pids") != nil, "needs the v1 pids controller"),
      arguments: [("1.3.0", -1), ("1.2.1", 0), ("1.0.2-dev", 0)])
    func aNegativeLimitOfProcessesIsNoneAndBeforeVersion13ZeroIs(version: String, limit: Int) throws {
      try withBundle { bundle throws in
        bundle.config["ociVersion"] = .string(version)
        Limits.resources(bundle, ["pids": ["limit": .number(Double(limit))]])
        try bundle.create()
        #expect(try bundle.control("pids", "pids.max") == "max")
      }
    }

    // MARK: memory

    @Test(.enabled(if: Limits.hasMemoryV1, "needs the v1 memory controller"))
    func withoutTheKillerTheProcessWaitsForMemory() throws {
      try withBundle { bundle throws in
        Limits.resources(
          bundle, ["memory": ["limit": 33_554_432, "swap": 33_554_432, "disableOOMKiller": true]])
        try bundle.launch("sh", "-c", "x=$(yes | head -c 60000000); touch /done")
        try #require(try waitUntil { try bundle.control("memory", "memory.oom_control").contains("under_oom 1") })
        #expect(try bundle.status == "running")
        #expect(!Files.exists(bundle.rootfs + "/done"))
        // It goes on with more of it.
        let update = try bundle.apus("update", "--memory", "1G", "--memory-swap", "1G", bundle.id)
        #expect(update.description == Outcome.silent)
        #expect(waitUntil { Files.exists(bundle.rootfs + "/done") })
      }
    }

    @Test(.enabled(if: Limits.hasMemoryV1, "needs the v1 memory controller"))
    func theRestOfMemoryIsWritten() throws {
      try withBundle { bundle throws in
        Limits.resources(
          bundle,
          [
            "memory": [
              "limit": 67_108_864, "swap": 134_217_728, "kernelTCP": 1_048_576, "swappiness": 7, "useHierarchy": true,
            ]
          ])
        try bundle.create()
        #expect(try bundle.control("memory", "memory.memsw.limit_in_bytes") == "134217728")
        #expect(try bundle.control("memory", "memory.kmem.tcp.limit_in_bytes") == "1048576")
        #expect(try bundle.control("memory", "memory.swappiness") == "7")
        #expect(try bundle.control("memory", "memory.use_hierarchy") == "1")
        #expect(try bundle.control("memory", "memory.soft_limit_in_bytes") == Limits.unlimited)
      }
    }

    /// As with runc: engines still ask for it.
    @Test func kernelMemoryIsNoLimitAndNoReasonToFail() throws {
      try withBundle { bundle throws in
        Limits.resources(bundle, ["memory": ["kernel": 104_857_600]])
        bundle.arguments = ["sleep", "1000"]
        let create = try bundle.tryCreate()
        #expect(create.status == 0, "\(create)")
        #expect(create.errors.contains("linux.resources.memory.kernel: not limited"), "\(create)")
        try bundle.start()
        let update = try bundle.apus("update", "--kernel-memory", "50M", bundle.id)
        #expect(update.status == 0, "\(update)")
        #expect(update.errors.contains("resources.memory.kernel: not limited"), "\(update)")
      }
    }

    @Test(.enabled(if: Limits.hasMemoryV1, "needs the v1 memory controller"))
    func aLimitBelowWhatIsInUseIsRefused() throws {
      try withBundle { bundle throws in
        Limits.resources(bundle, ["memory": ["limit": 134_217_728, "swap": 134_217_728, "checkBeforeUpdate": true]])
        // A variable of the shell: nothing that could be dropped or swapped.
        bundle.arguments = ["sh", "-c", "x=$(yes | head -c 30000000); touch /ready; sleep 1000; true"]
        try bundle.launch()
        try #require(waitUntil { Files.exists(bundle.rootfs + "/ready") })
        let update = try bundle.apus("update", "--memory", "4M", "--memory-swap", "4M", bundle.id)
        #expect(update.status == 1)
        #expect(update.errors.contains("more memory than that is in use"), "\(update)")
        #expect(try bundle.status == "running")
        #expect(try bundle.control("memory", "memory.limit_in_bytes") == "134217728")
        #expect(try bundle.control("memory", "memory.memsw.limit_in_bytes") == "134217728")
      }
    }

    // MARK: processors

    @Test(.enabled(if: Hierarchies.limits("cpu"), "needs the cpu controller"))
    func aQuotaThrottles() throws {
      try withBundle { bundle throws in
        Limits.resources(bundle, ["cpu": ["quota": 1000, "period": 10_000]])
        try bundle.launch("sh", "-c", "while true; do true; done")
        #expect(
          try waitUntil {
            let event = try JSON(parsing: bundle.apus("events", "--stats", bundle.id).output)
            let throttling = event["data"]["cpu"]["throttling"]
            return throttling["throttledPeriods"].integer ?? 0 > 3 && throttling["throttledTime"].integer ?? 0 > 1000
          })
      }
    }

    @Test(.enabled(if: Hierarchies.directory("cpu") != nil, "needs the v1 cpu controller"))
    func theRestOfCPUIsWritten() throws {
      try withBundle { bundle throws in
        Limits.resources(bundle, ["cpu": ["quota": 20_000, "period": 40_000, "burst": 10_000, "idle": 1]])
        try bundle.create()
        #expect(try bundle.control("cpu", "cpu.cfs_burst_us") == "10000")
        #expect(try bundle.control("cpu", "cpu.idle") == "1")
        // An idle cgroup has no weight until it is none any more; both can be asked for at once.
        let update = try bundle.apus("update", "--cpu-idle", "0", "--cpu-share", "300", "--cpu-burst", "0", bundle.id)
        #expect(update.description == Outcome.silent)
        #expect(try bundle.control("cpu", "cpu.idle") == "0")
        #expect(try bundle.control("cpu", "cpu.shares") == "300")
        #expect(try bundle.control("cpu", "cpu.cfs_burst_us") == "0")
      }
    }

    /// A process may only be a real-time one where the cgroup has real-time CPU, and those above it as much.
    @Test(.enabled(if: Limits.hasRealTimeGroups, "needs real-time groups of the v1 cpu controller"))
    func withRealTimeCPUTheProcessMayBeARealTimeOne() throws {
      try withBundle { bundle throws in
        bundle.config["process"]["scheduler"] = ["policy": "SCHED_FIFO", "priority": 10]
        bundle.expectRefused(try bundle.run(), "run", ["sched_setattr", "Operation not permitted"])
        bundle.config["linux"]["cgroupsPath"] = .string(bundle.cgroupsPath + "/deep/er")
        Limits.resources(bundle, ["cpu": ["realtimeRuntime": 1000, "realtimePeriod": 500_000]])
        #expect(try bundle.run().description == Outcome.silent)
        // Two beside each other: those above have enough for both.
        try bundle.create()
        bundle.config["linux"]["cgroupsPath"] = .string(bundle.cgroupsPath + "/deep/second")
        try bundle.create(id: "second")
        for id in [bundle.id, "second"] { #expect(try bundle.apus("delete", "--force", id).status == 0) }
        for path in ["/deep", ""] {
          for directory in Hierarchies.existing(bundle.cgroupsPath + path) { Hierarchies.remove(directory) }
        }
        // Not in a test beside this one: those above are the same cgroups.
        bundle.config["linux"]["cgroupsPath"] = .string(bundle.cgroupsPath)
        Limits.resources(bundle, ["cpu": ["realtimeRuntime": 999_000, "realtimePeriod": 1_000_000]])
        bundle.expectRefused(try bundle.tryCreate(), "create", ["cpu.rt_runtime_us", "Invalid argument"])
      }
    }

    @Test(.enabled(if: Hierarchies.directory("cpuset") != nil, "needs the v1 cpuset controller"))
    func aCpusetBelowOneThatIsNewIsFilledFromAbove() throws {
      try withBundle { bundle throws in
        bundle.config["linux"]["cgroupsPath"] = .string(bundle.cgroupsPath + "/a/b")
        try bundle.create()
        let root = try #require(Hierarchies.directory("cpuset"))
        for file in ["cpuset.cpus", "cpuset.mems"] {
          let all = try Files.read(root + "/" + file)
          for path in ["", "/a", "/a/b"] {
            #expect(try Files.read(root + bundle.cgroupsPath + path + "/" + file) == all)
          }
        }
        #expect(try bundle.apus("delete", "--force", bundle.id).status == 0)
        // What lies above a container's own cgroup stays: others may have made it theirs.
        for directory in Hierarchies.directories where Files.exists(directory + bundle.cgroupsPath) {
          #expect(Files.exists(directory + bundle.cgroupsPath + "/a"))
          #expect(!Files.exists(directory + bundle.cgroupsPath + "/a/b"))
          Hierarchies.remove(directory + bundle.cgroupsPath)
        }
      }
    }

    // MARK: disks

    /// The whole disk below a directory, `major:minor`, where one can be throttled.
    private static func disk(_ path: String) -> (major: Int, minor: Int)? {
      var status = stat()
      guard stat(path, &status) == 0 else { return nil }
      let (major, minor) = (Int(status.st_dev >> 8 & 0xfff), Int(status.st_dev & 0xff))
      let name = "/sys/dev/block/\(major):\(minor)"
      return Files.exists(name) && !Files.exists(name + "/partition") ? (major, minor) : nil
    }

    @Test(
      .enabled(
        if: Hierarchies.directory("blkio") != nil && Limits.disk(NSTemporaryDirectory()) != nil,
        "needs the v1 blkio controller, and a whole disk below the temporary directory"))
    func aThrottledDiskIsSlow() throws {
      try withBundle { bundle throws in
        let disk = try #require(Limits.disk(bundle.directory))
        Limits.resources(
          bundle,
          [
            "blockIO": [
              "throttleWriteBpsDevice": [["major": JSON(disk.major), "minor": JSON(disk.minor), "rate": 1_048_576]]
            ]
          ])
        bundle.arguments = ["dd", "if=/dev/zero", "of=/file", "bs=65536", "count=32", "oflag=direct"]
        let begin = Date()
        #expect(try bundle.run().status == 0)
        // Two mebibytes at one a second, less what the first moments let pass.
        #expect(Date().timeIntervalSince(begin) > 1)
      }
    }

    @Test(
      .enabled(
        if: Hierarchies.directory("blkio") != nil && Limits.disk(NSTemporaryDirectory()) != nil,
        "needs the v1 blkio controller, and a whole disk below the temporary directory"))
    func ratesOfADiskAreWritten() throws {
      try withBundle { bundle throws in
        let disk = try #require(Limits.disk(bundle.directory))
        func rate(_ rate: Int) -> JSON { [["major": JSON(disk.major), "minor": JSON(disk.minor), "rate": JSON(rate)]] }
        Limits.resources(
          bundle,
          [
            "blockIO": [
              "throttleReadBpsDevice": rate(1000), "throttleWriteBpsDevice": rate(2000),
              "throttleReadIOPSDevice": rate(3000), "throttleWriteIOPSDevice": rate(4000),
            ]
          ])
        try bundle.create()
        for (file, rate) in [
          ("read_bps", 1000), ("write_bps", 2000), ("read_iops", 3000), ("write_iops", 4000),
        ] {
          #expect(
            try bundle.control("blkio", "blkio.throttle.\(file)_device") == "\(disk.major):\(disk.minor) \(rate)")
        }
      }
    }

    @Test(
      .enabled(
        if: Hierarchies.directory("blkio").map { Files.exists($0 + "/blkio.bfq.io_serviced") } ?? false,
        "needs BFQ on the v1 blkio controller"))
    func theWeightIsWritten() throws {
      try withBundle { bundle throws in
        Limits.resources(bundle, ["blockIO": ["weight": 70]])
        try bundle.create()
        #expect(try bundle.control("blkio", "blkio.bfq.weight") == "70")
        #expect(try bundle.apus("update", "--blkio-weight", "80", bundle.id).description == Outcome.silent)
        #expect(try bundle.control("blkio", "blkio.bfq.weight") == "80")
      }
    }

    // MARK: huge pages

    @Test(
      .enabled(
        if: Hierarchies.limits("hugetlb") && Machine.hasFileSystem("hugetlbfs"), "needs the hugetlb controller"))
    func aHugePageIsRefused() throws {
      try withBundle { bundle throws in
        Limits.resources(bundle, ["hugepageLimits": [["pageSize": "2MB", "limit": 0]]])
        bundle.mount("/huge", type: "hugetlbfs", from: "none", "pagesize=2M")
        // Without a pool of pages the file cannot be filled in any case; the count tells that it was the limit.
        try bundle.launch("sh", "-c", "busybox fallocate -l 2M /huge/file; echo $? > /answer; sleep 1000")
        try #require(waitUntil { (try? Files.read(bundle.rootfs + "/answer")) == "1\n" })
        let event = try JSON(parsing: bundle.apus("events", "--stats", bundle.id).output)
        #expect(event["data"]["hugetlb"]["2MB"]["failcnt"] == 1)
      }
    }

    // MARK: what cannot be had

    /// A limit that cannot be applied is an error that names file, value and reason, and leaves nothing behind. The last
    /// of each: whether it applies to this machine.
    private static let unavailable: [(JSON, [String])] =
      ([
        (["unified": ["memory.high": "1000000"]], ["memory", "mounted as cgroup v1"], Limits.hasMemoryV1),
        (["unified": ["nonsense": "1"]], ["\"nonsense\" is not the name"], true),
        (["network": ["classID": 1]], ["\"1\"", "net_cls.classid"], Hierarchies.directory("net_cls") == nil),
        (
          ["network": ["priorities": [["name": "lo", "priority": 1]]]], ["net_prio.ifpriomap"],
          Hierarchies.directory("net_prio") == nil
        ),
        (
          ["rdma": ["mlx5_1": ["hcaHandles": 3]]], ["rdma"],
          !Hierarchies.limits("rdma")
        ),
        (["cpu": ["shares": 1]], ["cpu.shares 1 is not between 2 and 262144"], Hierarchies.directory("cpu") != nil),
        (
          ["cpu": ["quota": 10]], ["\"10\"", "cpu.cfs_quota_us", "Invalid argument"],
          Hierarchies.directory("cpu") != nil
        ),
        (["cpu": ["cpus": "4095"]], ["\"4095\"", "cpuset.cpus"], Hierarchies.directory("cpuset") != nil),
        (["cpu": ["mems": "999"]], ["\"999\"", "cpuset.mems"], Hierarchies.directory("cpuset") != nil),
        (
          ["memory": ["useHierarchy": false]], ["memory.use_hierarchy", "\"0\"", "Invalid argument"], Limits.hasMemoryV1
        ),
        (["blockIO": ["leafWeight": 20]], ["blkio.leaf_weight", "\"20\""], Hierarchies.directory("blkio") != nil),
        (
          ["blockIO": ["throttleReadBpsDevice": [["major": 4000, "minor": 1, "rate": 5]]]],
          ["blkio.throttle.read_bps_device", "\"4000:1 5\"", "No such device"], Hierarchies.directory("blkio") != nil
        ),
        (["hugepageLimits": [["pageSize": "3MB", "limit": 0]]], ["hugetlb.3MB", "no such page size"], true),
        (["devices": [["allow": true, "type": "c", "major": 4_294_967_295]]], ["is no device number"], true),
      ] as [(JSON, [String], Bool)]).filter { $0.2 }.map { ($0.0, $0.1) }

    @Test(arguments: Limits.unavailable)
    func whatCannotBeHadIsRefused(_ resources: JSON, _ words: [String]) throws {
      try withBundle { bundle throws in
        Limits.resources(bundle, resources)
        bundle.expectRefused(try bundle.tryCreate(), "create", words)
      }
    }
  }
}

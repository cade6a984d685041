import Foundation
import Testing

extension Integration {
  /// Limits that change while the container runs.
  @Suite struct UpdateLimits {
    /// Waits for `/go`, then runs the script.
    private static func waiting(_ script: String) -> [String] {
      ["sh", "-c", "touch /ready; until test -e /go; do sleep 0.01; done; " + script]
    }

    /// Starts the container, changes its limits, and lets it go on.
    private static func updated(_ bundle: Bundle, _ script: String, _ flags: String...) throws -> String {
      bundle.arguments = waiting(script)
      try bundle.launch()
      try #require(waitUntil { Files.exists(bundle.rootfs + "/ready") })
      let update = try bundle.begin(["update"] + flags + [bundle.id]).finish()
      try #require(update.description == Outcome.silent)
      try Files.write("", to: bundle.rootfs + "/go")
      try bundle.waitUntilStopped()
      return (try? Files.read(bundle.rootfs + "/answer")) ?? ""
    }

    private static func update(_ bundle: Bundle, document: JSON) throws -> Outcome {
      let path = bundle.workspace + "/resources.json"
      try Files.write(document.serialized, to: path)
      let file = try Files.open(path, O_RDONLY)
      defer { close(file) }
      return try bundle.apus("update", "--resources", "-", bundle.id, input: file)
    }

    private static func saved(_ bundle: Bundle) throws -> JSON {
      try JSON(parsing: Files.read(bundle.states + "/" + bundle.id + "/config.json"))["linux"]["resources"]
    }

    // MARK: felt

    @Test(.enabled(if: Hierarchies.limits("memory"), "needs the memory controller"))
    func aNewMemoryLimitIsFelt() throws {
      try withBundle { bundle throws in
        let hungry = "head -c 100000000 /dev/zero | tail -c 90000000 | wc -c > /answer; true"
        #expect(
          try UpdateLimits.updated(bundle, hungry, "--memory", "32M", "--memory-swap", "32M") != "90000000\n")
      }
    }

    @Test(.enabled(if: Hierarchies.limits("pids"), "needs the pids controller"))
    func aNewLimitOfProcessesIsFelt() throws {
      try withBundle { bundle throws in
        let script = "(sleep 1000 & sleep 1000 & echo done > /answer); kill -9 -1"
        #expect(try UpdateLimits.updated(bundle, script, "--pids-limit", "3") == "")
      }
    }

    @Test(.enabled(if: Hierarchies.limits("pids"), "needs the pids controller"))
    func noLimitOfProcessesAnyMoreIsFelt() throws {
      try withBundle { bundle throws in
        bundle.config["linux"]["resources"] = ["pids": ["limit": 2]]
        let script = "(sleep 1000 & sleep 1000 & echo done > /answer); kill -9 -1"
        #expect(try UpdateLimits.updated(bundle, script, "--pids-limit=-1") == "done\n")
      }
    }

    @Test(.enabled(if: Hierarchies.limits("cpuset"), "needs the cpuset controller"))
    func newProcessorsAreFelt() throws {
      try withBundle { bundle throws in
        let script = "nproc > /answer"
        #expect(try UpdateLimits.updated(bundle, script, "--cpuset-cpus", "0") == "1\n")
      }
    }

    @Test(.enabled(if: Hierarchies.limits("cpu"), "needs the cpu controller"))
    func aNewQuotaIsFelt() throws {
      try withBundle { bundle throws in
        try bundle.launch("sh", "-c", "while true; do true; done")
        let update = try bundle.apus("update", "--cpu-period", "10000", "--cpu-quota", "1000", bundle.id)
        #expect(update.description == Outcome.silent)
        #expect(
          try waitUntil {
            let statistics = try JSON(parsing: bundle.apus("events", "--stats", bundle.id).output)
            return statistics["data"]["cpu"]["throttling"]["throttledPeriods"].integer ?? 0 > 3
          })
      }
    }

    @Test func newDeviceRulesAreFelt() throws {
      try withBundle { bundle throws in
        // A device without a driver: it cannot be opened, but the reason tells whether it might have been.
        let open = "2>&1 dd if=/device of=/dev/null count=1 | sed 's/.*: //'"
        bundle.config["process"]["capabilities"] = [
          "bounding": ["CAP_MKNOD"], "effective": ["CAP_MKNOD"], "permitted": ["CAP_MKNOD"],
        ]
        bundle.arguments = [
          "sh", "-c",
          """
          mknod /device c 250 77; mknod /dev/null c 1 3
          \(open) > /first; touch /ready; until test -e /go; do sleep 0.01; done; \(open) > /second
          until test -e /stop; do sleep 0.01; done; \(open) > /third
          """,
        ]
        bundle.config["linux"]["resources"] = ["devices": [["allow": false]]]
        try bundle.launch()
        try #require(waitUntil { Files.exists(bundle.rootfs + "/ready") })
        let allow: JSON = [
          "devices": [["allow": false], ["allow": true, "type": "c", "major": 250, "minor": 77, "access": "rw"]]
        ]
        #expect(try UpdateLimits.update(bundle, document: allow).description == Outcome.silent)
        try Files.write("", to: bundle.rootfs + "/go")
        try #require(waitUntil { (try? Files.read(bundle.rootfs + "/second"))?.hasSuffix("\n") ?? false })
        #expect(
          try UpdateLimits.update(bundle, document: ["devices": [["allow": false]]]).description == Outcome.silent)
        try Files.write("", to: bundle.rootfs + "/stop")
        try bundle.waitUntilStopped()
        #expect(try Files.read(bundle.rootfs + "/first") == "Operation not permitted\n")
        #expect(try Files.read(bundle.rootfs + "/second") == "No such device or address\n")
        #expect(try Files.read(bundle.rootfs + "/third") == "Operation not permitted\n")
      }
    }

    // MARK: all or nothing

    @Test(
      .enabled(if: Hierarchies.directory("memory") != nil, "needs the v1 memory controller"),
      arguments: [(64, 64), (256, 256), (256, 512), (32, 512), (-1, -1)])
    func memoryAndSwapGoUpAndDownTogether(_ memory: Int, _ swap: Int) throws {
      try withBundle { bundle throws in
        bundle.arguments = ["sleep", "1000"]
        bundle.config["linux"]["resources"] = ["memory": ["limit": 134_217_728, "swap": 134_217_728]]
        try bundle.create()
        func flag(_ size: Int) -> String { size < 0 ? "-1" : "\(size)MiB" }
        let update = try bundle.apus("update", "--memory", flag(memory), "--memory-swap", flag(swap), bundle.id)
        #expect(update.description == Outcome.silent)
        let unlimited = "9223372036854771712"
        #expect(
          try bundle.control("memory", "memory.limit_in_bytes") == (memory < 0 ? unlimited : "\(memory << 20)"))
        #expect(
          try bundle.control("memory", "memory.memsw.limit_in_bytes") == (swap < 0 ? unlimited : "\(swap << 20)"))
      }
    }

    @Test(
      .enabled(if: Hierarchies.directory("memory") != nil, "needs the v1 memory controller"),
      arguments: [
        ["--cpuset-cpus", "4095"], ["--cpu-quota", "1"], ["--cpu-rt-runtime", "2000000"], ["--memory-swap", "100M"],
        ["--cpu-share", "1"], ["--kernel-memory-tcp", "-2"],
      ])
    func whatTheKernelRefusesChangesNothing(_ refused: [String]) throws {
      try withBundle { bundle throws in
        bundle.arguments = ["sleep", "1000"]
        bundle.config["linux"]["resources"] = ["memory": ["limit": 134_217_728], "pids": ["limit": 50]]
        try bundle.create()
        let before = try UpdateLimits.saved(bundle)
        let flags = ["--memory", "256M", "--pids-limit", "60", "--memory-reservation", "16M"] + refused
        let update = try bundle.begin(["update"] + flags + [bundle.id]).finish()
        bundle.expectError(update, of: "update")
        #expect(try bundle.control("memory", "memory.limit_in_bytes") == "134217728")
        #expect(try bundle.control("memory", "memory.soft_limit_in_bytes") == "9223372036854771712")
        #expect(try bundle.control("pids", "pids.max") == "50")
        #expect(try UpdateLimits.saved(bundle) == before)
      }
    }

    @Test(.enabled(if: Hierarchies.directory("memory") != nil, "needs the v1 memory controller"))
    func zeroAndAbsentLeaveEverythingAsItIs() throws {
      try withBundle { bundle throws in
        bundle.arguments = ["sleep", "1000"]
        bundle.config["linux"]["resources"] = [
          "memory": ["limit": 134_217_728, "reservation": 67_108_864], "pids": ["limit": 50],
          "cpu": ["shares": 512, "quota": 50_000, "period": 100_000],
        ]
        try bundle.create()
        let before = try UpdateLimits.saved(bundle)
        // The whole object, as Docker sends it.
        let nothing: JSON = [
          "memory": ["limit": 0, "reservation": 0, "swap": 0, "kernel": 0, "kernelTCP": 0],
          "cpu": [
            "shares": 0, "quota": 0, "period": 0, "realtimeRuntime": 0, "realtimePeriod": 0, "cpus": "", "mems": "",
          ],
          "pids": ["limit": 0], "blockIO": ["weight": 0, "leafWeight": 0],
        ]
        #expect(try UpdateLimits.update(bundle, document: nothing).description == Outcome.silent)
        #expect(try bundle.apus("update", bundle.id).description == Outcome.silent)
        #expect(try bundle.control("memory", "memory.limit_in_bytes") == "134217728")
        #expect(try bundle.control("memory", "memory.soft_limit_in_bytes") == "67108864")
        #expect(try bundle.control("cpu", "cpu.shares") == "512")
        #expect(try bundle.control("cpu", "cpu.cfs_quota_us") == "50000")
        #expect(try bundle.control("pids", "pids.max") == "50")
        #expect(try UpdateLimits.saved(bundle) == before)
      }
    }

    // MARK: remembered

    @Test(.enabled(if: Hierarchies.limits("pids"), "needs the pids controller"))
    func oneUpdateBuildsOnAnother() throws {
      try withBundle { bundle throws in
        bundle.arguments = ["sleep", "1000"]
        bundle.config["linux"]["resources"] = ["pids": ["limit": 50]]
        try bundle.create()
        #expect(try bundle.apus("update", "--memory", "1g", bundle.id).status == 0)
        #expect(try bundle.apus("update", "--cpu-share", "2048", bundle.id).status == 0)
        let document: JSON = ["pids": ["limit": 70], "cpu": ["shares": 4]]
        #expect(try UpdateLimits.update(bundle, document: document).status == 0)
        #expect(
          try UpdateLimits.saved(bundle) == [
            "memory": ["limit": 1_073_741_824], "cpu": ["shares": 4], "pids": ["limit": 70],
          ])
        // The rest of the saved configuration is what it was.
        try bundle.start()
        #expect(try bundle.status == "running")
      }
    }

    @Test(.enabled(if: Hierarchies.directory("memory") != nil, "needs the v1 memory controller"))
    func optionsWinOverTheDocument() throws {
      try withBundle { bundle throws in
        bundle.arguments = ["sleep", "1000"]
        try bundle.create()
        let path = bundle.workspace + "/limits"
        try Files.write(#"{"memory":{"limit":1048576000},"pids":{"limit":9}}"#, to: path)
        #expect(try bundle.apus("update", "-r", path, "--pids-limit", "8", bundle.id).description == Outcome.silent)
        #expect(try bundle.control("pids", "pids.max") == "8")
        #expect(try bundle.control("memory", "memory.limit_in_bytes") == "1048576000")
      }
    }

    // MARK: refused

    @Test(
      arguments: [
        (["--memory", "64X"], "option --memory: \"64X\" is no size"),
        (["--memory", ""], "option --memory: \"\" is no size"),
        (["--pids-limit", "1.5"], "option --pids-limit: \"1.5\" is no whole number"),
        (["--cpu-share", "-1"], "option --cpu-share: \"-1\" is no number from 0 to 18446744073709551615"),
        (["--blkio-weight", "65536"], "option --blkio-weight: \"65536\" is no number from 0 to 65535"),
        (["--resources", "/nowhere"], "--resources: open \"/nowhere\": No such file or directory"),
        (["--memory", "64M", "--memory-swap", "32M"], "memory.swap: must not be below limit"),
      ])
    func aBadValueIsRefused(_ flags: [String], _ words: String) throws {
      try withBundle { bundle throws in
        try bundle.launch("sleep", "1000")
        let update = try bundle.begin(["update"] + flags + [bundle.id]).finish()
        #expect(update.status == 1)
        #expect(update.errors.hasPrefix("apus: update: "), "\(update)")
        #expect(update.errors.contains(words), "\(update)")
      }
    }

    @Test(arguments: [
      "", "[]", "{", #"{"memory":{"limit":"64M"}}"#, #"{"hugepageLimits":[{"pageSize":"2M","limit":1}]}"#,
    ])
    func aBadDocumentIsRefused(_ document: String) throws {
      try withBundle { bundle throws in
        try bundle.launch("sleep", "1000")
        let path = bundle.workspace + "/limits"
        try Files.write(document, to: path)
        let update = try bundle.apus("update", "-r", path, bundle.id)
        bundle.expectError(update, of: "update")
      }
    }

    @Test func aContainerThatDoesNotRunIsNotUpdated() throws {
      try withBundle { bundle throws in
        try bundle.launch("true")
        try bundle.waitUntilStopped()
        let update = try bundle.apus("update", "--pids-limit", "9", bundle.id)
        #expect(update.errors == "apus: update: container \"\(bundle.id)\": container not running\n")
        #expect(try bundle.apus("update", "--pids-limit", "9", "nobody").errors.contains("container does not exist"))
      }
    }
  }
}

import Foundation
import Testing

extension Integration {
  /// `check`: every problem of a bundle at once, and nothing made.
  @Suite struct CheckCommand {
    /// What check prints of the bundle, and its status.
    private func check(_ bundle: Bundle, _ flags: String...) throws -> Outcome {
      try bundle.begin(["check"] + flags + [bundle.directory]).finish()
    }

    @Test func aSoundBundleHasNothingWrong() throws {
      try withBundle { bundle throws in
        try bundle.writeConfig()
        let outcome = try check(bundle)
        #expect(outcome.status == 0)
        #expect(outcome.output == "nothing is wrong\n")
        bundle.expectNothingLeft()
      }
    }

    @Test func everyProblemIsToldWithItsPlace() throws {
      try withBundle { bundle throws in
        try Files.write(
          """
          {
            "ociVersion": "1.2.0",
            "root": {"path": "rootfs"},
            "process": {
              "cwd": "tmp", "args": [7],
              "user": {"uid": "0"}
            },
            "mounts": [
              {"destination": "/a", "type": "nosuchfs", "source": "x"},
              {"destination": "/b", "options": ["bind"], "source": "/nowhere/at/all"}
            ],
            "linux": {
              "namespaces": [{"type": "mount"}, {"type": "pit"}],
              "resources": {"memory": {"limit": "64M"}},
              "sysctl": {"kernel.no_such": "1"}
            }
          }
          """, to: bundle.directory + "/config.json")
        let outcome = try check(bundle)
        #expect(outcome.status == 1)
        let lines = outcome.output.split(separator: "\n").map(String.init)
        let expected = [
          "config.json:5:12: error: process.cwd: must be absolute, found \"tmp\"",
          "config.json:5:28: error: process.args[0]: expected a string, found 7; write it in quotes",
          "config.json:6:13: error: process.user.gid: required, but missing",
          "config.json:6:21: error: process.user.uid: expected an integer, found \"0\"; write it without quotes",
          "config.json:9:35: error: mounts[0].type: this kernel has no file system \"nosuchfs\"",
          "config.json:10:58: error: mounts[1].source: ",
          "config.json:13:48: error: linux.namespaces[1].type: unknown value \"pit\"",
          "config.json:14:39: error: linux.resources.memory.limit: expected an integer, found \"64M\"; write bytes, for example 67108864",
          "config.json:15:34: error: linux.sysctl[\"kernel.no_such\"]: ",
        ]
        for (line, start) in zip(lines, expected) { #expect(line.hasPrefix(start)) }
        #expect(lines.count == expected.count, "\(outcome.output)")
      }
    }

    @Test func jsonHasTheSameInFields() throws {
      try withBundle { bundle throws in
        bundle.config["process"]["cwd"] = "tmp"
        try bundle.writeConfig()
        let outcome = try check(bundle, "--format", "json")
        #expect(outcome.status == 1)
        let report = try JSON(parsing: outcome.output)
        #expect(report["sound"] == false)
        let problem = report["problems"].elements[0]
        #expect(problem["path"].text == "process.cwd")
        #expect(problem["severity"].text == "error")
        #expect(problem["file"].text == "config.json")
        #expect(problem["line"].integer == 1)
      }
    }

    @Test func aWarningAloneIsNoFailure() throws {
      try withBundle { bundle throws in
        bundle.arguments = ["/bin/no-such-program"]
        try bundle.writeConfig()
        let outcome = try check(bundle)
        #expect(outcome.status == 0)
        #expect(
          outcome.output.contains("warning: process.args[0]: \"/bin/no-such-program\" is not in the root file system"))
      }
    }

    @Test(arguments: ["/nowhere/at/all", "/etc/passwd", "/tmp"])
    func whatIsNoBundleIsOneProblem(path: String) throws {
      try withBundle { bundle throws in
        let outcome = try bundle.apus("check", path)
        #expect(outcome.status == 1)
        #expect(outcome.output.hasPrefix("config.json: error: "))
        #expect(outcome.output.hasSuffix("; is this a bundle?\n"))
      }
    }

    @Test func whatIsNoJSONIsOneProblem() throws {
      try withBundle { bundle throws in
        try Files.write("{\n  \"ociVersion\": ,\n}", to: bundle.directory + "/config.json")
        let outcome = try check(bundle)
        #expect(outcome.status == 1)
        #expect(outcome.output.hasPrefix("config.json:2:"))
        #expect(outcome.output.split(separator: "\n").count == 1)
      }
    }

    @Test func aLimitIsTriedOnTheKernel() throws {
      try withBundle { bundle throws in
        bundle.config["linux"]["resources"] = ["pids": ["limit": 5], "cpu": ["cpus": "4000"]]
        try bundle.writeConfig()
        let outcome = try check(bundle)
        #expect(outcome.status == 1)
        #expect(outcome.output.contains("linux.resources.cpu: "))
        #expect(!outcome.output.contains("linux.resources.pids"))
        bundle.expectNothingLeft()
        for hierarchy in Hierarchies.directories {
          for name in Files.names(hierarchy) where name.hasPrefix("apus-check-") {
            // Another test's may be there as long as its process.
            guard let pid = pid_t(name.dropFirst(11)), kill(pid, 0) != 0 else { continue }
            #expect(!Files.exists(hierarchy + "/" + name))
          }
        }
      }
    }

    @Test(.enabled(if: !Machine.mayRaiseLimits, "the caller may raise limits"))
    func whatTheCallerMayNotDoIsTold() throws {
      try withBundle { bundle throws in
        bundle.config["process"]["rlimits"] = [
          ["type": "RLIMIT_NOFILE", "soft": 10, "hard": JSON(Int(Int32.max) * 1000)]
        ]
        bundle.config["process"]["capabilities"] = ["bounding": ["CAP_SYS_RESOURCE"]]
        try bundle.writeConfig()
        let outcome = try check(bundle)
        #expect(outcome.output.contains("process.rlimits[0].hard: the caller's own is "))
        #expect(outcome.output.contains("warning: process.capabilities: CAP_SYS_RESOURCE cannot be granted"))
      }
    }

    /// What check finds nothing wrong with can be created, and what it finds an error in cannot.
    @Test func checkAndCreateAgree() throws {
      for change in Self.changes {
        try withBundle { bundle throws in
          bundle.arguments = ["sleep", "600"]
          change(bundle)
          try bundle.writeConfig()
          let isSound = try check(bundle).status == 0
          var made = try bundle.tryCreate()
          // Labels and capabilities are given to the program, as it starts.
          if made.status == 0 { made = try bundle.apus("start", bundle.id) }
          #expect((made.status == 0) == isSound, "\(bundle.config.serialized): \(made.errors)")
        }
      }
    }

    private static let changes: [@Sendable (Bundle) -> Void] = [
      { _ in },
      { $0.config["root"]["path"] = "nowhere" },
      { $0.config["linux"]["resources"] = ["memory": ["limit": 100_000_000]] },
      { $0.config["linux"]["resources"] = ["blockIO": ["leafWeight": 300]] },
      { $0.config["linux"]["resources"] = ["hugepageLimits": [["pageSize": "3MB", "limit": 0]]] },
      { $0.config["linux"]["seccomp"] = ["defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86"]] },
      { $0.config["linux"]["sysctl"] = ["net.ipv4.ip_forward": "1"] },
      { $0.config["linux"]["sysctl"] = ["net.ipv4.no_such": "1"] },
      { $0.config["process"]["apparmorProfile"] = "no-such-profile" },
      { $0.config["hooks"] = ["createRuntime": [["path": "/no/such/hook"]]] },
      { $0.mount("/data", type: "tmpfs", from: "tmpfs", "size=1m") },
      { $0.mount("/data", type: "nosuchfs", from: "x") },
    ]
  }

  /// `create --dry-run` and `run --dry-run`: the plan, and nothing done.
  @Suite struct DryRun {
    @Test(arguments: ["create", "run"])
    func thePlanNamesEveryStepInOrder(command: String) throws {
      try withBundle { bundle throws in
        bundle.config["hostname"] = "planned"
        bundle.config["hooks"] = [
          "createRuntime": [
            ["path": "/bin/touch", "args": ["touch", .string(bundle.workspace + "/hook")], "timeout": 7]
          ]
        ]
        bundle.config["process"]["rlimits"] = [["type": "RLIMIT_CORE", "soft": 0, "hard": 0]]
        bundle.config["process"]["capabilities"] = ["bounding": ["CAP_KILL"], "permitted": ["CAP_KILL"]]
        bundle.config["linux"]["resources"] = ["pids": ["limit": 12]]
        bundle.config["linux"]["maskedPaths"] = ["/proc/kcore"]
        bundle.config["linux"]["sysctl"] = ["net.ipv4.ip_forward": "1"]
        bundle.mount("/data", type: "bind", from: "/etc", "rbind", "ro", "nosuid")
        bundle.arguments = ["echo", "hello"]
        try bundle.writeConfig()
        let outcome = try bundle.apus(command, "--dry-run", "--bundle", bundle.directory, bundle.id)
        #expect(outcome.status == 0)
        let lines = outcome.output.split(separator: "\n").map(String.init)
        let expected = [
          "container \(bundle.id) of \(bundle.directory)", "namespace pid new",
          "hook createRuntime[0] /bin/touch \(bundle.workspace)/hook (at most 7 s)", "rootfs \(bundle.rootfs)",
          "mount[0] proc proc /proc", "mount[1] rbind /etc /data ro,nosuid",
          "device /dev/null c 1:3 mode 666 owner 0:0", "pivot_root", "mask /proc/kcore",
          "sysctl net/ipv4/ip_forward = 1", "hostname planned", "rlimit RLIMIT_CORE 0 0", "cwd /", "user 0:0",
          "capabilities bounding CAP_KILL", "capabilities effective none", "exec echo hello",
        ]
        var rest = lines[...]
        for line in expected {
          let index = rest.firstIndex(of: line)
          #expect(index != nil, "no line \"\(line)\", or not in its place, in:\n\(outcome.output)")
          if let index { rest = rest[(index + 1)...] }
        }
        #expect(lines.contains { $0.hasPrefix("limit ") && $0.hasSuffix("\(bundle.id)/pids.max = 12") })
        #expect(!Files.exists(bundle.workspace + "/hook"))
        bundle.expectNothingLeft()
      }
    }

    @Test func aBadConfigurationIsRefusedAsByCreate() throws {
      try withBundle { bundle throws in
        bundle.config["process"]["cwd"] = "tmp"
        try bundle.writeConfig()
        let outcome = try bundle.apus("create", "--dry-run", "--bundle", bundle.directory, bundle.id)
        bundle.expectRefused(outcome, "create", ["process.cwd"])
      }
    }
  }
}

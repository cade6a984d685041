import Foundation
import Testing

extension Integration {
  /// Every step of a command, in every process of it, fails once: the message says which step, call and reason, nothing is
  /// left, and nobody waits for ever. Which calls there are is found out by looking at a command that succeeds.
  @Suite(.enabled(if: Machine.canInjectFaults, "needs the right to trace"))
  struct Faults {
    /// A command whose steps fail.
    struct Scenario: CustomTestStringConvertible, Sendable {
      var testDescription: String
      var command: [String]
      /// Whether `create` has to come before, and `start`.
      var isCreated = false, isStarted = false
      /// The processes whose steps fail: those from this on.
      var firstProcess = 0
      var change: @Sendable (Bundle) throws -> Void = { _ in }
    }

    static let scenarios = [
      Scenario(testDescription: "create", command: ["create", "--bundle", "BUNDLE"]),
      Scenario(
        testDescription: "create in a user namespace", command: ["create", "--bundle", "BUNDLE"], firstProcess: 1
      ) { $0.mapIDs(to: 100_000) },
      Scenario(
        testDescription: "create in a joined pid namespace", command: ["create", "--bundle", "BUNDLE"], firstProcess: 1
      ) { $0.namespace("pid", path: "/proc/self/ns/pid") },
      Scenario(
        testDescription: "create without a mount namespace", command: ["create", "--bundle", "BUNDLE"], firstProcess: 1
      ) {
        $0.namespace("mount")
        $0.config["linux"]["rootfsPropagation"] = "private"
      },
      Scenario(testDescription: "run of much", command: ["run", "--detach", "--bundle", "BUNDLE"]) { try much($0) },
      Scenario(testDescription: "start", command: ["start"], isCreated: true),
      Scenario(testDescription: "delete", command: ["delete"], isCreated: true, isStarted: true) {
        $0.arguments = ["true"]
      },
      Scenario(testDescription: "delete by force", command: ["delete", "--force"], isCreated: true, isStarted: true),
    ]

    /// A bundle that uses most of what there is.
    private static func much(_ bundle: Bundle) throws {
      let hooks: JSON = [["path": "/bin/true"]]
      bundle.config["hooks"] = [
        "prestart": hooks, "createRuntime": hooks, "createContainer": hooks, "startContainer": hooks,
        "poststart": hooks,
      ]
      bundle.config["hostname"] = "much"
      bundle.config["root"]["readonly"] = true
      bundle.config["process"]["user"] = ["uid": 1000, "gid": 1000, "additionalGids": [7]]
      bundle.config["process"]["noNewPrivileges"] = true
      bundle.config["process"]["oomScoreAdj"] = 500
      bundle.config["process"]["rlimits"] = [["type": "RLIMIT_CORE", "soft": 0, "hard": 0]]
      bundle.config["process"]["capabilities"] = ["bounding": ["CAP_KILL"]]
      bundle.config["linux"]["resources"] = ["memory": ["limit": 268_435_456], "pids": ["limit": 100]]
      bundle.config["linux"]["sysctl"] = ["net.ipv4.ip_forward": "1"]
      bundle.config["linux"]["maskedPaths"] = ["/proc/kcore", "/etc"]
      bundle.config["linux"]["readonlyPaths"] = ["/proc/sys"]
      bundle.config["linux"]["seccomp"] = [
        "defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64"],
        "syscalls": [["names": ["mount"], "action": "SCMP_ACT_ERRNO"]],
      ]
      bundle.mount("/dev", type: "tmpfs", from: "tmpfs", "nosuid", "mode=755")
      bundle.mount("/sys", type: "sysfs", from: "sysfs", "ro")
      bundle.mount("/tmp", type: "tmpfs", from: "tmpfs", "tmpcopyup")
      bundle.mount("/data", type: "bind", from: bundle.workspace, "rbind", "rro", "rprivate")
    }

    /// Calls whose failure does not fail the command.
    private static let tolerated = [
      Tolerated(["faccessat2"], "/sys/fs/cgroup/", "whether a file of a hierarchy is there"),
      Tolerated(["open", "read"], "cgroup.procs", "whether the cgroup is in use, when that can be read"),
      Tolerated(["open", "read"], "cpuset.", "a cpuset that cannot be read may be filled all the same"),
      Tolerated(
        ["open", "read", "write"], "cgroup.clone_children", "a cpuset that is not filled when it is made is filled then"
      ),
      Tolerated(["open", "read", "fstatat", "lseek"], "/etc/passwd", "the owner's name in the state, HOME"),
      Tolerated(["unlink"], "/sys/fs/cgroup/", "what cannot be removed at once is tried again"),
      // Only what is frozen needs to be thawed, and that it does not end then is told.
      Tolerated(["open", "read", "write"], "cgroup.freeze", "whether and that it is frozen"),
      Tolerated(["open", "read", "write", "getdents64"], "/sys/fs/cgroup/freezer/", "the same"),
      Tolerated(["open", "read", "fstatat"], "/.cache/seccomp-", "a program that is not found is compiled"),
      Tolerated(["flock"], "/states/", "giving a lock up: with the command it is gone anyway"),
      Tolerated(["socket"], "", "any family will do for the request that brings the loopback up"),
    ]

    private struct Tolerated {
      var names: [String]
      var part: String

      init(_ names: [String], _ part: String, _ why: String) { (self.names, self.part) = (names, part) }

      func holds(for call: SystemCall) -> Bool {
        names.contains(call.name) && (part.isEmpty || call.what.contains(part))
      }
    }

    /// A reason of the test's own, which nothing treats in a particular way.
    private static let reason = (number: ENOTRECOVERABLE, text: "State not recoverable")

    // MARK: the tests

    @Test(arguments: scenarios)
    func aStepThatFailsIsReportedAndLeavesNothing(_ scenario: Scenario) throws {
      try Faults.everywhere(scenario, firstProcess: 0, error: Faults.reason.number) { call, outcome, bundle in
        if outcome.status == 0 {
          if Faults.mayWait(call) { return }
          #expect(Faults.tolerated.contains { $0.holds(for: call) }, "\(call) failed, and nobody was told")
          return
        }
        bundle.expectError(outcome, of: scenario.command[0], circumstances: "\(call)")
        // The other side sees only that the process has ended.
        if Faults.mayWait(call) { return }
        let errors = outcome.errors
        #expect(errors.contains(Faults.reason.text), "\(call): \(outcome)")
        #expect(call.words.isEmpty || call.words.contains { errors.contains($0) }, "\(call): \(outcome)")
      }
    }

    @Test(arguments: scenarios.filter { $0.command[0] != "delete" && $0.testDescription != "create" })
    func aProcessThatIsKilledIsReportedAndLeavesNothing(_ scenario: Scenario) throws {
      try Faults.everywhere(scenario, firstProcess: 1, error: 0) { call, outcome, bundle in
        if outcome.status == 0 && Faults.mayWait(call) { return }
        bundle.expectError(outcome, of: scenario.command[0], circumstances: "\(call)")
      }
    }

    /// Whether the call may be the one in which the container process waits to be started: `create` has ended by then, or not.
    private static func mayWait(_ call: SystemCall) -> Bool {
      call.process > 0 && ["accept", "recvmsg"].contains(call.name)
    }

    // MARK: making calls fail

    /// Runs the command once for every kind of call in the given processes, with a call of that kind failing.
    private static func everywhere(
      _ scenario: Scenario, firstProcess: Int, error: Int32,
      _ check: (SystemCall, Outcome, Bundle) throws -> Void
    ) throws {
      try withBundle { bundle throws in
        bundle.arguments = ["sleep", "1000"]
        try scenario.change(bundle)
        try bundle.writeConfig()
        let first = max(firstProcess, scenario.firstProcess)
        let calls = try calls(scenario, bundle).filter { $0.process >= first && !$0.isSilent }
        #expect(calls.count > 5)
        var missed: [SystemCall] = []
        let record = bundle.workspace + "/call"
        for recorded in calls {
          let outcome = try run(
            scenario, bundle,
            ["-i", "\(recorded.process),\(recorded.number),\(recorded.nth),\(error)", "-r", record])
          // The call that failed need not be the recorded one: how often a file is read depends on the rest of the machine.
          let call = try SystemCall(record: Files.read(record).prefix { $0 != "\n" }) ?? recorded
          if outcome.status == 123 {
            missed.append(call)
          } else {
            try check(call, outcome, bundle)
            // What is refused leaves nothing; what was created before is there still, and can be deleted.
            if outcome.status != 0 && !scenario.isCreated { bundle.expectNothingLeft() }
          }
          let delete = try bundle.apus("delete", "--force", bundle.id)
          #expect(delete.status == 0 && delete.errors == "", "\(call): \(delete)")
          bundle.expectNothingLeft()
          if bundle.ids != [] || Hierarchies.existing(bundle.cgroupsPath) != [] {
            throw TestError("\(call): the container is not removed")
          }
        }
        #expect(missed.count * 5 <= calls.count, "not made again: \(missed)")
      }
    }

    /// The calls of the command when it succeeds: the last of each kind, when there is most to take back.
    private static func calls(_ scenario: Scenario, _ bundle: Bundle) throws -> [SystemCall] {
      let record = bundle.workspace + "/calls"
      // Twice: the first container makes what later ones find.
      for _ in 0..<2 {
        let outcome = try run(scenario, bundle, ["-r", record])
        try #require(outcome.status == 0, "\(outcome)")
        _ = try bundle.apus("delete", "--force", bundle.id)
      }
      let all = try Files.read(record).split(separator: "\n").compactMap { SystemCall(record: $0) }
      return Dictionary(all.indices.map { (all[$0].kind, $0) }) { max($0, $1) }.values.sorted().map { all[$0] }
    }

    private static func run(_ scenario: Scenario, _ bundle: Bundle, _ options: [String]) throws -> Outcome {
      var options = options + ["-s", bundle.id]
      if scenario.isCreated { try bundle.create() }
      if scenario.isStarted { try bundle.start() }
      if scenario.command == ["delete"] { try bundle.waitUntilStopped() }
      if scenario.isCreated && !scenario.isStarted { options += ["-p", String(try bundle.pid())] }
      return try Command(
        [Machine.faults] + options + [Machine.runtime, "--root", bundle.states]
          + scenario.command.map { $0 == "BUNDLE" ? bundle.directory : $0 } + [bundle.id],
        environment: ["PATH=\(Machine.path)", bundle.marker], directory: bundle.workspace
      ).finish()
    }
  }
}

import Foundation
import Testing

extension Integration {
  /// The less usual properties of the container's process, felt from inside or read off the kernel.
  @Suite struct ProcessProperties {
    // MARK: personality

    @Test(arguments: [
      ("LINUX", [], "00000000"), ("LINUX32", [], "00000008"), ("LINUX", ["ADDR_NO_RANDOMIZE"], "00040000"),
      ("LINUX32", ["SHORT_INODE", "STICKY_TIMEOUTS"], "05000008"),
    ])
    func thePersonalityIs(_ domain: String, _ flags: [String], _ seen: String) throws {
      try withBundle { bundle throws in
        bundle.config["linux"]["personality"] = ["domain": .string(domain), "flags": JSON(flags)]
        try bundle.expect("cat /proc/1/personality", prints: seen)
      }
    }

    @Test func aPersonalityFlagNobodyKnowsIsRefused() throws {
      try withBundle { bundle throws in
        bundle.config["linux"]["personality"] = ["domain": "LINUX", "flags": ["NOPE"]]
        bundle.expectRefused(try bundle.tryCreate(), "create", ["personality", "NOPE"])
      }
    }

    // MARK: keyring

    /// How many keyrings the process sees that have the container's name.
    private static func keyrings(_ bundle: Bundle) -> String {
      "awk '$8 == \"keyring\" && $9 == \"_ses.\(bundle.id):\"' /proc/keys | wc -l"
    }

    @Test(
      .enabled(if: Files.exists("/proc/keys"), "needs kernel keyrings"),
      arguments: [([], "1"), (["--no-new-keyring"], "0")])
    func theSessionKeyringIsNew(_ flags: [String], _ seen: String) throws {
      try withBundle { bundle throws in
        bundle.arguments = ["sh", "-c", ProcessProperties.keyrings(bundle)]
        try bundle.writeConfig()
        let run = try bundle.begin(["run", "-b", bundle.directory] + flags + [bundle.id]).finish()
        #expect(run.line == seen, "\(run)")
      }
    }

    // MARK: scheduling

    /// Fields 19 (nice), 40 (real-time priority) and 41 (policy) of /proc/PID/stat.
    private static let scheduling = "awk '{ print $19, $40, $41 }' /proc/1/stat"

    /// Whether this cgroup may have real-time processes: with CONFIG_RT_GROUP_SCHED each needs a share of its own.
    private static let hasRealTime = Machine.hasCapability(23) && !Files.exists("/sys/fs/cgroup/cpu/cpu.rt_runtime_us")

    @Test(
      arguments: [
        (["policy": "SCHED_OTHER", "nice": 5], "5 0 0"), (["policy": "SCHED_BATCH", "nice": 7], "7 0 3"),
        (["policy": "SCHED_IDLE"], "0 0 5"),
      ] as [(JSON, String)])
    func theSchedulerIs(_ scheduler: JSON, _ seen: String) throws {
      try withBundle { bundle throws in
        bundle.config["process"]["scheduler"] = scheduler
        // awk itself has the policy, too, but the first process is what was asked for.
        bundle.arguments = ["awk", "{ print $19, $40, $41 }", "/proc/self/stat"]
        let run = try bundle.run()
        #expect(run.output == seen + "\n", "\(run)")
      }
    }

    @Test(.enabled(if: hasRealTime, "needs real-time scheduling"), arguments: [("SCHED_FIFO", "1"), ("SCHED_RR", "2")])
    func aRealTimeSchedulerIs(_ policy: String, _ number: String) throws {
      try withBundle { bundle throws in
        bundle.config["process"]["scheduler"] = [
          "policy": .string(policy), "priority": 10, "flags": ["SCHED_FLAG_RESET_ON_FORK"],
        ]
        try bundle.expect(ProcessProperties.scheduling, prints: "0 10 " + number)
      }
    }

    @Test func aSchedulerTheKernelRefusesIsAnError() throws {
      try withBundle { bundle throws in
        bundle.config["process"]["scheduler"] = ["policy": "SCHED_FIFO", "priority": 1000]
        bundle.expectRefused(try bundle.tryCreate(), "create", ["scheduler"])
      }
    }

    @Test(
      .enabled(if: Machine.has("ionice"), "needs ionice"),
      arguments: [
        ("IOPRIO_CLASS_RT", 3, "realtime: prio 3"), ("IOPRIO_CLASS_BE", 6, "best-effort: prio 6"),
        ("IOPRIO_CLASS_IDLE", 0, "idle"),
      ])
    func theInputOutputPriorityIs(_ kind: String, _ priority: Int, _ seen: String) throws {
      try withBundle { bundle throws in
        bundle.config["process"]["ioPriority"] = ["class": .string(kind), "priority": JSON(priority)]
        try bundle.launch("sleep", "1000")
        #expect(try host("ionice", "-p", String(try bundle.pid())).line == seen)
      }
    }

    @Test(
      .enabled(if: Files.exists("/proc/self/numa_maps"), "needs a kernel with NUMA"),
      arguments: [
        ("MPOL_BIND", "0", [], "bind:0"), ("MPOL_INTERLEAVE", "0", [], "interleave:0"),
        ("MPOL_BIND", "0", ["MPOL_F_STATIC_NODES"], "bind=static:0"), ("MPOL_LOCAL", "", [], "local"),
        ("MPOL_PREFERRED", "0", [], "prefer:0"),
      ])
    func theMemoryPolicyIs(_ mode: String, _ nodes: String, _ flags: [String], _ seen: String) throws {
      try withBundle { bundle throws in
        bundle.config["linux"]["memoryPolicy"] = ["mode": .string(mode), "nodes": .string(nodes), "flags": JSON(flags)]
        try bundle.expect("cut -d' ' -f2 /proc/self/numa_maps | sort -u", prints: seen)
      }
    }

    // MARK: groups

    @Test(
      .enabled(if: Machine.has("setpriv"), "needs setpriv"),
      arguments: [
        (true, "7 8"), (false, "5"),
      ])
    func theCallersGroupsAreKept(_ kept: Bool, _ seen: String) throws {
      try withBundle { bundle throws in
        bundle.config["process"]["user"] = ["uid": 1000, "gid": 1000, "additionalGids": [5]]
        if kept { bundle.config["annotations"] = ["run.oci.keep_original_groups": "1"] }
        bundle.arguments = ["sh", "-c", "echo $(grep ^Groups: /proc/self/status | cut -d: -f2)"]
        try bundle.writeConfig()
        let run = try Command(
          [
            "setpriv", "--groups", "7,8", Machine.runtime, "--root", bundle.states, "run", "-b", bundle.directory,
            bundle.id,
          ],
          environment: ["PATH=\(Machine.path)", bundle.marker]
        ).finish()
        #expect(run.line == seen, "\(run)")
      }
    }

    // MARK: pidfd

    @Test(arguments: ["create", "run"])
    func thePidfdIsSent(_ command: String) throws {
      try withBundle { bundle throws in
        let listener = try Listener(bundle.workspace + "/pidfd")
        bundle.arguments = ["sleep", "1000"]
        try bundle.writeConfig()
        let detached = command == "run" ? ["--detach"] : []
        let outcome = try bundle.begin(
          [command, "-b", bundle.directory, "--pidfd-socket", listener.path] + detached + [bundle.id]
        ).finish()
        #expect(outcome.status == 0, "\(outcome)")
        let descriptor = try #require(listener.receive())
        defer { close(descriptor) }
        let pid = try bundle.pid()
        #expect(
          try Files.read("/proc/self/fdinfo/\(descriptor)").split(separator: "\n").contains { line in
            line.hasPrefix("Pid:") && Int(line.dropFirst(4).trimmingCharacters(in: .whitespaces)) == pid
          })
      }
    }

    @Test func thePidfdIsSentToTheReceiverOfAnAnnotation() throws {
      try withBundle { bundle throws in
        let listener = try Listener(bundle.workspace + "/pidfd")
        bundle.config["annotations"] = ["run.oci.pidfd_receiver": .string(listener.path)]
        try bundle.launch("sleep", "1000")
        let descriptor = try #require(listener.receive())
        defer { close(descriptor) }
        #expect(
          try Files.read("/proc/self/fdinfo/\(descriptor)").contains("Pid:\t\(try bundle.pid())\n"))
      }
    }

    @Test func aPidfdSocketNobodyListensAtIsAnError() throws {
      try withBundle { bundle throws in
        let create = try bundle.tryCreate(["--pidfd-socket", "/missing/socket"])
        bundle.expectRefused(create, "create", ["--pidfd-socket", "/missing/socket", "no such file or directory"])
      }
    }
  }
}

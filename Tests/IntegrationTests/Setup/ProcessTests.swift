import Foundation
import Testing

extension Integration {
  /// The properties of the container's process, from inside.
  @Suite struct Processing {
    /// The same names in all five sets.
    static func capabilities(_ names: [String]) -> JSON {
      var sets: JSON = [:]
      for set in ["bounding", "effective", "permitted", "inheritable", "ambient"] { sets[set] = JSON(names) }
      return sets
    }

    // MARK: user

    @Test func userAndGroupsAreThoseOfTheConfiguration() throws {
      try withBundle { bundle throws in
        bundle.config["process"]["user"] = ["uid": 1000, "gid": 2000, "additionalGids": [5, 10, 3000]]
        let lines = try bundle.output(of: "grep -E '^(Uid|Gid|Groups):' /proc/self/status | tr -s '\\t ' ' '").split(
          separator: "\n")
        #expect(
          lines.map { $0.trimmingCharacters(in: .whitespaces) } == [
            "Uid: 1000 1000 1000 1000", "Gid: 2000 2000 2000 2000", "Groups: 5 10 3000",
          ])
      }
    }

    @Test func withoutAdditionalGroupsThereAreNone() throws {
      try withBundle { bundle throws in
        try bundle.expect("grep ^Groups: /proc/self/status | cut -d: -f2 | tr -d '\\t '", prints: "")
      }
    }

    @Test(arguments: [(nil, "0022"), (0o077, "0077"), (0, "0000"), (0o027, "0027")] as [(Int?, String)])
    func theUmaskIs(_ umask: Int?, _ seen: String) throws {
      try withBundle { bundle throws in
        bundle.config["process"]["user"]["umask"] = umask.map { JSON($0) } ?? nil
        try bundle.expect("umask", prints: seen)
      }
    }

    /// As with runc and crun: the runtime puts the user where he could not go.
    @Test func theWorkingDirectoryMayBeOneThatTheUserCannotReach() throws {
      try withBundle { bundle throws in
        try Files.makeDirectory(bundle.rootfs + "/closed", mode: 0o700)
        bundle.config["process"]["cwd"] = "/closed"
        bundle.config["process"]["user"] = ["uid": 1000, "gid": 1000]
        try bundle.expect("pwd; ls 2>/dev/null || echo refused", prints: "/closed\nrefused")
      }
    }

    // MARK: capabilities

    /// Numbers of capability.h.
    private static let numbers = ["CAP_CHOWN": 0, "CAP_KILL": 5, "CAP_NET_BIND_SERVICE": 10, "CAP_NET_RAW": 13]

    private static func mask(_ names: [String]) -> String {
      let mask = names.reduce(UInt64(0)) { $0 | 1 << UInt64(numbers[$1]!) }
      let digits = String(mask, radix: 16)
      return String(repeating: "0", count: 16 - digits.count) + digits
    }

    @Test(arguments: [0, 1000])
    func eachOfTheFiveSetsIsTheConfigurations(_ uid: Int) throws {
      try withBundle { bundle throws in
        let sets: [(line: String, key: String, names: [String])] = [
          ("CapInh", "inheritable", ["CAP_CHOWN", "CAP_KILL"]),
          ("CapPrm", "permitted", ["CAP_CHOWN", "CAP_KILL", "CAP_NET_RAW"]),
          ("CapEff", "effective", ["CAP_KILL", "CAP_CHOWN"]),
          ("CapBnd", "bounding", ["CAP_CHOWN", "CAP_KILL", "CAP_NET_RAW", "CAP_NET_BIND_SERVICE"]),
          ("CapAmb", "ambient", ["CAP_CHOWN", "CAP_KILL"]),
        ]
        bundle.config["process"]["user"]["uid"] = JSON(uid)
        for set in sets { bundle.config["process"]["capabilities"][set.key] = JSON(set.names) }
        let seen = try bundle.output(of: "grep ^Cap /proc/self/status | tr -d '\\t'").split(separator: "\n")
        // What execve(2) makes of them, capabilities(7): root gets what is inheritable or bounding, a user what is ambient.
        let ambient = Processing.mask(["CAP_CHOWN", "CAP_KILL"])
        let bounding = Processing.mask(sets[3].names)
        let held = uid == 0 ? bounding : ambient
        #expect(
          seen.map(String.init) == [
            "CapInh:" + ambient, "CapPrm:" + held, "CapEff:" + held, "CapBnd:" + bounding, "CapAmb:" + ambient,
          ])
      }
    }

    @Test(arguments: [[:], .null] as [JSON]) func noSetsAreNoCapabilities(_ capabilities: JSON) throws {
      try withBundle { bundle throws in
        bundle.config["process"]["capabilities"] = capabilities
        let none = String(repeating: "0", count: 16)
        try bundle.expect("grep ^Cap /proc/self/status | cut -f2 | sort -u", prints: none)
      }
    }

    @Test func aUserWithoutAmbientCapabilitiesHasNone() throws {
      try withBundle { bundle throws in
        bundle.config["process"]["user"]["uid"] = 1000
        for set in ["bounding", "effective", "permitted"] {
          bundle.config["process"]["capabilities"][set] = ["CAP_KILL"]
        }
        try bundle.expect(
          "grep -E 'CapEff|CapPrm' /proc/self/status | cut -f2 | sort -u", prints: String(repeating: "0", count: 16))
      }
    }

    // MARK: limits and flags

    @Test func resourceLimitsAreSet() throws {
      try withBundle { bundle throws in
        bundle.config["process"]["rlimits"] = [
          ["type": "RLIMIT_NOFILE", "soft": 100, "hard": 200], ["type": "RLIMIT_CORE", "soft": 0, "hard": 0],
          ["type": "RLIMIT_NPROC", "soft": 50, "hard": 60],
          ["type": "RLIMIT_STACK", "soft": 1_048_576, "hard": 2_097_152],
        ]
        let lines = try bundle.output(of: "grep -E 'open files|core file|processes|stack' /proc/self/limits")
          .split(separator: "\n").map { $0.split(separator: " ").joined(separator: " ") }
        #expect(
          lines == [
            "Max stack size 1048576 2097152 bytes", "Max core file size 0 0 bytes", "Max processes 50 60 processes",
            "Max open files 100 200 files",
          ])
      }
    }

    @Test(.enabled(if: Machine.mayRaiseLimits, "raising a limit needs CAP_SYS_RESOURCE"))
    func aHardLimitIsRaised() throws {
      try withBundle { bundle throws in
        bundle.config["process"]["rlimits"] = [["type": "RLIMIT_NOFILE", "soft": 1_048_576, "hard": 1_048_576]]
        try bundle.expect("ulimit -n; ulimit -Hn", prints: "1048576\n1048576")
      }
    }

    @Test(arguments: [true, false])
    func noNewPrivilegesIs(_ value: Bool) throws {
      try withBundle { bundle throws in
        bundle.config["process"]["noNewPrivileges"] = .bool(value)
        try bundle.expect("grep NoNewPrivs /proc/self/status | cut -f2", prints: (value ? "1" : "0"))
      }
    }

    @Test(arguments: [1, 500, 1000])
    func theOomScoreIsAdjustedBy(_ value: Int) throws {
      try withBundle { bundle throws in
        bundle.config["process"]["oomScoreAdj"] = JSON(value)
        try bundle.expect("cat /proc/self/oom_score_adj", prints: String(value))
      }
    }

    @Test(.enabled(if: Machine.mayRaiseLimits, "lowering the score needs CAP_SYS_RESOURCE"))
    func theOomScoreIsLowered() throws {
      try withBundle { bundle throws in
        bundle.config["process"]["oomScoreAdj"] = -500
        try bundle.expect("cat /proc/self/oom_score_adj", prints: "-500")
      }
    }

    // MARK: where and what

    @Test func theWorkingDirectoryIsMadeWhenItIsMissing() throws {
      try withBundle { bundle throws in
        bundle.config["process"]["cwd"] = "/srv/deep/down"
        try bundle.expect("pwd; stat -c %F .", prints: "/srv/deep/down\ndirectory")
      }
    }

    @Test func theWorkingDirectoryMayLieInAMount() throws {
      try withBundle { bundle throws in
        try Files.write("x", to: bundle.workspace + "/file")
        bundle.mount("/work", type: "bind", from: bundle.workspace, "bind")
        bundle.config["process"]["cwd"] = "/work"
        try bundle.expect("ls", prints: "file")
      }
    }

    @Test func theEnvironmentIsTheConfigurationsAndHome() throws {
      try withBundle { bundle throws in
        bundle.environment = ["LEAKED=yes", "_OCI_SYNCPIPE=3"]
        bundle.config["process"]["env"].append("A=one two", "EMPTY=", "B=ü=\"quoted\"", "A2=")
        bundle.arguments = ["env"]
        let seen = try bundle.run().lines.sorted()
        #expect(
          seen
            == [
              "A2=", "A=one two", "B=ü=\"quoted\"", "EMPTY=", "HOME=/root", Bundle.environmentPath, bundle.marker,
            ].sorted())
      }
    }

    @Test(arguments: [(0, "/root"), (1000, "/home/somebody"), (4711, "/")])
    func homeIsTheUsersWhenItIsNotGiven(_ uid: Int, _ home: String) throws {
      try withBundle { bundle throws in
        bundle.config["process"]["user"]["uid"] = JSON(uid)
        try bundle.expect("echo $HOME", prints: home)
      }
    }

    @Test func aGivenHomeIsKept() throws {
      try withBundle { bundle throws in
        bundle.config["process"]["env"].append("HOME=/elsewhere")
        try bundle.expect("echo $HOME", prints: "/elsewhere")
      }
    }

    @Test func argumentsArriveUnchanged() throws {
      try withBundle { bundle throws in
        bundle.arguments = [
          "sh", "-c", "for word; do echo \"[$word]\"; done", "sh", "", "a b", "\"", "\\", "ü", "-x", "$A",
        ]
        #expect(try bundle.run().lines == ["[]", "[a b]", "[\"]", "[\\]", "[ü]", "[-x]", "[$A]"])
      }
    }

    @Test(arguments: [
      ("tool", "/first:/second", "first"), ("tool", "/second:/first", "second"), ("tool", "/missing:/second", "second"),
      ("/second/tool", "/first", "second"), ("./second/tool", "/first", "second"), ("second/tool", "/first", "second"),
      ("tool", "/refused:/first", "first"),
    ])
    func theProgramIsFoundInThePathOfTheContainer(_ name: String, _ path: String, _ found: String) throws {
      try withBundle { bundle throws in
        for directory in ["first", "second", "refused"] {
          try Files.makeDirectory(bundle.rootfs + "/" + directory)
          try Files.write(
            "#!/bin/sh\necho \(directory)\n", to: bundle.rootfs + "/\(directory)/tool",
            mode: directory == "refused" ? 0o644 : 0o755)
        }
        bundle.config["process"]["env"] = ["PATH=\(path)", .string(bundle.marker)]
        bundle.arguments = [name]
        let run = try bundle.run()
        #expect(run.line == found, "\(run)")
      }
    }

    @Test func withoutAPathTheUsualDirectoriesAreSearched() throws {
      try withBundle { bundle throws in
        bundle.config["process"]["env"] = [.string(bundle.marker)]
        bundle.arguments = ["echo", "found"]
        #expect(try bundle.run().line == "found")
      }
    }

    @Test func aScriptOfAnotherUserIsFoundWithThatUsersRights() throws {
      try withBundle { bundle throws in
        try Files.makeDirectory(bundle.rootfs + "/private", mode: 0o700)
        try Files.write("#!/bin/sh\necho ran\n", to: bundle.rootfs + "/private/tool", mode: 0o755)
        try #require(chown(bundle.rootfs + "/private", 1000, 1000) == 0)
        bundle.config["process"]["user"] = ["uid": 1000, "gid": 1000]
        bundle.arguments = ["/private/tool"]
        let run = try bundle.run()
        #expect(run.line == "ran", "\(run)")
      }
    }

    @Test func theProcessLeadsItsSession() throws {
      try withBundle { bundle throws in
        try bundle.expect("cut -d' ' -f1,5,6 /proc/1/stat", prints: "1 1 1")
      }
    }

    @Test func signalsAreAtTheirDefaultsAndNoneIsBlocked() throws {
      try withBundle { bundle throws in
        // Without the two signals that glibc keeps for itself, and ignores in what posix_spawn(3) starts.
        let lines = try bundle.output(of: "grep -E '^Sig(Blk|Ign):' /proc/self/status | cut -f2").split(separator: "\n")
        #expect(lines.map { UInt64($0, radix: 16).map { $0 & ~0x1_8000_0000 } } == [0, 0])
      }
    }

    @Test func theProcessIsNotTracedByThePastOfItsParent() throws {
      try withBundle { bundle throws in
        // PR_SET_PDEATHSIG would end a detached container with its creator.
        try bundle.launch("sleep", "1000")
        #expect(try bundle.status == "running")
        #expect(Processes.isAlive(try bundle.pid()))
      }
    }

    // MARK: kernel parameters

    @Test(arguments: [
      ("net.ipv4.ip_forward", "/proc/sys/net/ipv4/ip_forward"),
      ("net/ipv4/ip_forward", "/proc/sys/net/ipv4/ip_forward"),
    ])
    func aKernelParameterIsSetInsideAlone(_ name: String, _ path: String) throws {
      try withBundle { bundle throws in
        let before = try Files.read(path)
        let wanted = before == "1\n" ? "0" : "1"
        bundle.config["linux"]["sysctl"] = [name: .string(wanted)]
        try bundle.expect("cat \(path)", prints: wanted)
        #expect(try Files.read(path) == before)
      }
    }

    @Test func aKernelParameterOfTheIpcNamespaceIsSet() throws {
      try withBundle { bundle throws in
        bundle.config["linux"]["sysctl"] = ["kernel.msgmax": "4096", "fs.mqueue.msg_max": "17"]
        try bundle.expect("cat /proc/sys/kernel/msgmax /proc/sys/fs/mqueue/msg_max", prints: "4096\n17")
      }
    }
  }
}

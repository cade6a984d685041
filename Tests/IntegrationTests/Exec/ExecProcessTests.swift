import Foundation
import Testing

extension Integration.Exec {
  /// The properties of the process: from config.json, from options, from a document of its own.
  @Suite struct Properties {
    @Test func variablesAreAddedAndReplaced() throws {
      try withBundle { bundle throws in
        bundle.config["process"]["env"].append("KEPT=1")
        bundle.config["process"]["env"].append("CHANGED=old")
        try bundle.launchSleeper()
        let outcome = try bundle.exec(["-e", "CHANGED=new", "--env", "CHANGE=other", "--env=EMPTY="], "env")
        #expect(Set(outcome.lines).isSuperset(of: ["KEPT=1", "CHANGED=new", "CHANGE=other", "EMPTY=", "HOME=/root"]))
        #expect(!outcome.lines.contains("CHANGED=old"))
      }
    }

    @Test func userAndGroups() throws {
      try withBundle { bundle throws in
        bundle.config["process"]["user"] = ["uid": 0, "gid": 0, "additionalGids": [5]]
        try bundle.launchSleeper()
        let script = "echo $(id -u) $(id -g) $(id -G) $HOME"
        #expect(try bundle.execOutput(["--user", "1000"], of: script) == "1000 0 0 5 /home/somebody")
        #expect(try bundle.execOutput(["-u", "1000:2000"], of: script) == "1000 2000 2000 5 /home/somebody")
        #expect(
          try bundle.execOutput(["-u", "7:8", "-g", "9", "--additional-gids=10"], of: script) == "7 8 8 5 9 10 /")
      }
    }

    @Test func workingDirectory() throws {
      try withBundle { bundle throws in
        bundle.config["process"]["cwd"] = "/root"
        try bundle.launchSleeper()
        #expect(try bundle.execOutput(of: "pwd") == "/root")
        #expect(try bundle.execOutput(["--cwd", "/tmp"], of: "pwd") == "/tmp")
      }
    }

    @Test func capabilitiesAreTheContainersAndThoseAdded() throws {
      try withBundle { bundle throws in
        bundle.config["process"]["capabilities"] = [
          "bounding": ["CAP_KILL"], "effective": ["CAP_KILL"], "permitted": ["CAP_KILL"],
        ]
        try bundle.launchSleeper()
        let script = "grep ^Cap /proc/self/status | cut -f 2"
        let (none, kill, chown) = ("0000000000000000", "0000000000000020", "0000000000000021")
        #expect(try bundle.execOutput(of: script) == [none, kill, kill, kill, none].joined(separator: "\n"))
        for name in ["CAP_CHOWN", "chown"] {
          #expect(
            try bundle.execOutput(["--cap", name], of: script)
              == [none, chown, chown, chown, none].joined(separator: "\n"))
        }
      }
    }

    @Test func noNewPrivileges() throws {
      try withBundle { bundle throws in
        try bundle.launchSleeper()
        let script = "grep NoNewPrivs /proc/self/status | cut -f 2"
        #expect(try bundle.execOutput(of: script) == "0")
        #expect(try bundle.execOutput(["--no-new-privs"], of: script) == "1")
      }
    }

    @Test(arguments: [false, true])
    func theSeccompFilterBindsIt(_ noNewPrivileges: Bool) throws {
      try withBundle { bundle throws in
        bundle.config["process"]["noNewPrivileges"] = .bool(noNewPrivileges)
        bundle.config["linux"]["seccomp"] = [
          "defaultAction": "SCMP_ACT_ALLOW",
          "syscalls": [["names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 95]],
        ]
        try bundle.launchSleeper()
        let outcome = try bundle.exec([], "mkdir", "/tmp/new")
        #expect(outcome.status == 1)
        #expect(outcome.errors.contains("Operation not supported"), "\(outcome)")
        #expect(try bundle.execOutput(of: "grep Seccomp: /proc/self/status | cut -f 2") == "2")
        #expect(!Files.exists(bundle.rootfs + "/tmp/new"))
      }
    }

    @Test func whatElseTheContainersProcessHas() throws {
      try withBundle { bundle throws in
        bundle.config["process"]["rlimits"] = [["type": "RLIMIT_NOFILE", "soft": 77, "hard": 78]]
        bundle.config["process"]["oomScoreAdj"] = 345
        bundle.config["process"]["user"]["umask"] = 0o027
        bundle.config["process"]["scheduler"] = ["policy": "SCHED_BATCH", "nice": 3]
        bundle.config["linux"]["personality"] = ["domain": "LINUX32"]
        try bundle.launchSleeper()
        #expect(try bundle.execOutput(of: "ulimit -Sn; ulimit -Hn") == "77\n78")
        #expect(try bundle.execOutput(of: "cat /proc/self/oom_score_adj") == "345")
        #expect(try bundle.execOutput(of: "umask") == "0027")
        #expect(try bundle.execOutput(of: "cut -d ' ' -f 19,41 /proc/self/stat") == "3 3")
        #expect(try bundle.execOutput(of: "uname -m") == "i686")
      }
    }

    @Test func theCPUsAreTheFinalOnes() throws {
      try withBundle { bundle throws in
        bundle.config["process"]["execCPUAffinity"] = ["initial": "0", "final": "0"]
        try bundle.launchSleeper()
        #expect(try bundle.execOutput(of: "grep Cpus_allowed_list /proc/self/status | cut -f 2") == "0")
      }
    }

    @Test(.enabled(if: Machine.canTrace, "needs strace, and the right to trace"))
    func theInitialCPUsAreSetBeforeTheProcessIsMade() throws {
      try withBundle { bundle throws in
        bundle.config["process"]["execCPUAffinity"] = ["initial": "0"]
        try bundle.launchSleeper()
        let trace = bundle.workspace + "/trace"
        let outcome = try Command(
          [
            "strace", "-qq", "-o", trace, "-e", "trace=sched_setaffinity,clone3", Machine.runtime, "--root",
            bundle.states,
            "exec", bundle.id, "true",
          ], environment: ["PATH=\(Machine.path)", bundle.marker], directory: bundle.workspace
        ).finish()
        #expect(outcome.status == 0, "\(outcome)")
        let calls = try Files.read(trace).split(separator: "\n").map { $0.prefix { $0 != "(" } }
        #expect(calls.prefix(2) == ["sched_setaffinity", "clone3"])
      }
    }

    // MARK: a document of its own

    @Test(arguments: [false, true]) func theDocumentSaysWhatIsRun(_ asInput: Bool) throws {
      try withBundle { bundle throws in
        try bundle.launchSleeper()
        let outcome = try bundle.execDocument(asInput: asInput) {
          $0["args"] = ["sh", "-c", "echo $(id -u) $(pwd) $WHAT"]
          $0["user"] = ["uid": 12, "gid": 13]
          $0["cwd"] = "/tmp"
          $0["env"] = ["WHAT=document", .string(Bundle.environmentPath), .string(bundle.marker)]
        }
        #expect(outcome.output == "12 /tmp document\n", "\(outcome)")
      }
    }

    @Test func whatTheDocumentIsSilentAboutIsAsTheContainersProcessHasIt() throws {
      try withBundle { bundle throws in
        bundle.config["process"]["capabilities"] = ["bounding": ["CAP_KILL"]]
        bundle.config["process"]["rlimits"] = [["type": "RLIMIT_NOFILE", "soft": 77, "hard": 78]]
        try bundle.launchSleeper()
        let outcome = try bundle.execDocument {
          $0["args"] = ["sh", "-c", "grep CapBnd /proc/self/status | cut -f 2; ulimit -n"]
          $0["capabilities"] = nil
          $0["rlimits"] = nil
        }
        #expect(outcome.output == "0000000000000020\n77\n", "\(outcome)")
      }
    }

    @Test func optionsChangeTheDocument() throws {
      try withBundle { bundle throws in
        try bundle.launchSleeper()
        let outcome = try bundle.execDocument(["--user", "5", "--cwd", "/tmp"]) {
          $0["args"] = ["sh", "-c", "echo $(id -u) $(pwd)"]
          $0["user"] = ["uid": 12, "gid": 13]
        }
        #expect(outcome.output == "5 /tmp\n", "\(outcome)")
      }
    }

    // MARK: cgroups

    @Test func aCgroupBelowTheContainersIsEntered() throws {
      try withBundle { bundle throws in
        try bundle.launchSleeper()
        for directory in Hierarchies.existing(bundle.cgroupsPath) { try Files.makeDirectory(directory + "/below") }
        let pid = try bundle.execDetached(["--cgroup", "below"], "sleep", "1000")
        let lines = try Files.read("/proc/\(pid)/cgroup").split(separator: "\n").filter { $0.contains(bundle.id) }
        #expect(!lines.isEmpty)
        for line in lines { #expect(line.hasSuffix(bundle.cgroupsPath + "/below")) }
      }
    }

    @Test(.enabled(if: Hierarchies.directory("pids") != nil, "needs the pids controller on cgroup v1"))
    func aCgroupOfOneControllerIsEntered() throws {
      try withBundle { bundle throws in
        try bundle.launchSleeper()
        let directory = try #require(Hierarchies.directory("pids"))
        try Files.makeDirectory(directory + bundle.cgroupsPath + "/below")
        let pid = try bundle.execDetached(["--cgroup", "pids:/below"], "sleep", "1000")
        let lines = try Files.read("/proc/\(pid)/cgroup").split(separator: "\n").filter { $0.contains(bundle.id) }
        for line in lines { #expect(line.hasSuffix("/below") == line.contains(":pids:"), "\(line)") }
      }
    }

    @Test(.enabled(if: Hierarchies.limitOfUnified != nil, "needs the pids or hugetlb controller on cgroup v2"))
    func whereTheContainersCgroupTakesNoProcessesItsFirstProcessIsFollowed() throws {
      try withBundle { bundle throws in
        bundle.config["linux"]["resources"] = try #require(Hierarchies.limitOfUnified)
        try bundle.launchSleeper()
        let unified = try #require(Hierarchies.unified)
        let own = unified + bundle.cgroupsPath
        try Files.makeDirectory(own + "/init")
        try Files.write(String(try bundle.pid()), to: own + "/init/cgroup.procs")
        let controller = try #require(
          try Files.read(own + "/cgroup.controllers").split(whereSeparator: \.isWhitespace).first)
        try Files.write("+" + controller, to: own + "/cgroup.subtree_control")
        let pid = try bundle.execDetached([], "sleep", "1000")
        #expect(try Files.read("/proc/\(pid)/cgroup").contains("0::" + bundle.cgroupsPath + "/init\n"))
        bundle.expectExecRefused(try bundle.exec(["--cgroup", "/"], "true"), ["busy"])
      }
    }

    @Test func aCgroupThatIsNotThereIsRefused() throws {
      try withBundle { bundle throws in
        try bundle.launchSleeper()
        bundle.expectExecRefused(try bundle.exec(["--cgroup", "nowhere"], "true"), ["nowhere"])
      }
    }
  }
}

extension Hierarchies {
  /// Where cgroup v2 is mounted.
  static let unified = directories.first { Files.exists($0 + "/cgroup.subtree_control") }

  /// A limit that needs a controller of cgroup v2, in the words of `linux.resources`; `nil`: this machine has none there.
  static let limitOfUnified: JSON? = {
    guard let unified, let controllers = try? Files.read(unified + "/cgroup.controllers") else { return nil }
    let names = controllers.split(whereSeparator: \.isWhitespace)
    if names.contains("pids") { return ["pids": ["limit": 100]] }
    if names.contains("hugetlb") { return ["hugepageLimits": [["pageSize": "2MB", "limit": 4_194_304]]] }
    return nil
  }()
}

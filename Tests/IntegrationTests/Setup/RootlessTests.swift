import Foundation
import Testing

extension Integration {
  /// Containers of an ordinary user.
  @Suite(.enabled(if: OrdinaryUser.canBeUsed, "needs user namespaces, unshare and setpriv")) struct RootlessContainers {
    static let user = OrdinaryUser()
    static let giver = OrdinaryUser(subordinates: 700_000)

    private func withUsersBundle(_ user: OrdinaryUser = user, _ body: (Bundle) throws -> Void) throws {
      try withBundle { bundle throws in
        try bundle.give(to: user)
        try body(bundle)
      }
    }

    private func words(_ line: String) -> [String] { line.split(separator: " ").map(String.init) }

    // MARK: life

    @Test func theExampleThatSpecWritesRuns() throws {
      try withUsersBundle { bundle throws in
        #expect(try bundle.apus("spec", "--rootless", "--bundle", bundle.directory).status == 0)
        var config = try JSON(parsing: try Files.read(bundle.directory + "/config.json"))
        #expect(config["linux"]["uidMappings"][0]["hostID"].integer == bundle.user?.id)
        config["process"]["terminal"] = false
        config["process"]["args"] = [
          "sh", "-c",
          "id -u; cat /proc/self/uid_map; echo > /dev/null; ls /sys/class/net | head -1; touch /sys/fs/cgroup/x 2>/dev/null; echo $?",
        ]
        config["process"]["env"].append(.string(bundle.marker))
        bundle.config = config
        let outcome = try bundle.run()
        // That there may be no cgroup for it is nothing to tell: engines show a build's user what the runtime says.
        #expect(outcome.status == 0 && outcome.errors.isEmpty, "\(outcome)")
        #expect(outcome.lines.count == 4)
        #expect(outcome.lines.first == "0" && outcome.lines.last == "1")
        #expect(words(outcome.lines[1]) == ["0", "15000", "1"])
      }
    }

    @Test func aContainerGoesThroughItsLife() throws {
      try withUsersBundle { bundle throws in
        try bundle.launch("sleep", "1000")
        let state = try bundle.state()
        #expect(state["status"].text == "running")
        #expect(state["owner"].text == OrdinaryUser.name)
        #expect(Processes.status(try bundle.pid(), "Uid")?.hasPrefix("15000") == true)
        #expect(try bundle.apus("list", "-q").lines == [bundle.id])
        #expect(try bundle.apus("ps", "--format", "json", bundle.id).line == "[\(try bundle.pid())]")
        #expect(try bundle.apus("kill", bundle.id, "KILL").status == 0)
        try bundle.waitUntilStopped()
        #expect(try bundle.apus("delete", bundle.id).status == 0)
        bundle.expectNothingLeft()
      }
    }

    @Test func aCheckpointTakesRoot() throws {
      try withUsersBundle { bundle throws in
        try bundle.launch("sleep", "1000")
        let outcome = try bundle.apus("checkpoint", bundle.id)
        bundle.expectError(outcome, of: "checkpoint")
        #expect(outcome.errors.contains("criu: it takes root"), "\(outcome)")
        #expect(try bundle.status == "running")
      }
    }

    @Test func checkKnowsOfTheUserNamespaceThatIsAdded() throws {
      try withUsersBundle { bundle throws in
        bundle.config["process"]["capabilities"] = ["bounding": ["CAP_NET_ADMIN"]]
        bundle.namespace("network", new: true)
        try bundle.writeConfig()
        let outcome = try bundle.apus("check", bundle.directory)
        #expect(outcome.status == 0 && !outcome.output.contains("capabilities"), "\(outcome)")
      }
    }

    @Test(.enabled(if: OrdinaryUser.canGiveIDs, "needs newuidmap"))
    func aProcessOfAnotherUserOfTheContainerIsTheCallersToKill() throws {
      try withUsersBundle(RootlessContainers.giver) { bundle throws in
        // Root is the caller; the program is somebody else.
        bundle.namespace("user", new: true)
        let maps: JSON = [
          ["containerID": 0, "hostID": 15_000, "size": 1], ["containerID": 1, "hostID": 700_000, "size": 65536],
        ]
        bundle.config["linux"]["uidMappings"] = maps
        bundle.config["linux"]["gidMappings"] = maps
        bundle.config["process"]["user"] = ["uid": 1000, "gid": 1000, "additionalGids": [5]]
        try bundle.launch("sleep", "1000")
        #expect(Processes.status(try bundle.pid(), "Uid")?.hasPrefix("700999") == true)
        #expect(Processes.status(try bundle.pid(), "Groups") == "700004")
        #expect(try bundle.apus("delete", "--force", bundle.id).status == 0)
        bundle.expectNothingLeft()
      }
    }

    @Test(.enabled(if: OrdinaryUser.canGiveIDs && Machine.has("podman"), "needs newuidmap and podman"))
    func podmanRunsContainersOfAnOrdinaryUser() throws {
      try withUsersBundle(RootlessContainers.giver) { bundle throws in
        // Its storage is the user's.
        let runtime = try OrdinaryUser.runtime()
        let outcome = try Command(
          try #require(bundle.user).arguments(in: bundle.workspace) + [
            "podman", "--runtime", runtime, "--cgroup-manager", "cgroupfs", "run", "--rm", "--network", "none",
            "--rootfs",
            bundle.rootfs, "/bin/sh", "-c", "id -u; cat /proc/self/uid_map",
          ],
          environment: [
            "PATH=\(Machine.path)", bundle.marker, "HOME=" + bundle.workspace, "XDG_RUNTIME_DIR=" + bundle.workspace,
          ]
        ).finish()
        // podman leaves a process that holds its namespaces.
        for pid in Processes.marked(bundle.marker) { kill(pid, SIGKILL) }
        #expect(outcome.status == 0, "\(outcome)")
        #expect(outcome.lines.map(words) == [["0"], ["0", "15000", "1"], ["1", "700000", "65536"]])
      }
    }

    // MARK: exec

    @Test func furtherProcessesJoinIt() throws {
      try withUsersBundle { bundle throws in
        try bundle.launch("sleep", "1000")
        let pid = try bundle.pid()
        let kinds = ["user", "pid", "mnt", "net", "ipc", "uts", "cgroup"]
        let inside = try bundle.execOutput(
          of: (["id -u"] + kinds.map { "readlink /proc/self/ns/\($0)" }).joined(separator: ";"))
        #expect(
          inside.split(separator: "\n").map(String.init) == ["0"] + kinds.map { Processes.namespace(pid, $0) ?? "" })
        #expect(try bundle.exec([], "sh", "-c", "exit 7").status == 7)
        let further = try bundle.execDetached([], "sleep", "1000")
        #expect(Processes.status(further, "Uid")?.hasPrefix("15000") == true)
      }
    }

    @Test(.enabled(if: OrdinaryUser.canGiveIDs, "needs newuidmap"))
    func aFurtherProcessMayBeAnotherUserOfTheContainer() throws {
      try withUsersBundle(RootlessContainers.giver) { bundle throws in
        try bundle.launch("sleep", "1000")
        #expect(try bundle.execOutput(["--user", "1000:1001"], of: "id -u; id -g") == "1000\n1001")
        let further = try bundle.execDetached(["--user", "1000:1001"], "sleep", "1000")
        #expect(Processes.status(further, "Uid")?.hasPrefix("700999") == true)
        #expect(Processes.status(further, "Gid")?.hasPrefix("701000") == true)
      }
    }

    // MARK: terminals

    /// Of `run`, and of `exec` into it.
    @Test func aTerminalIsTheUsers() throws {
      try withUsersBundle { bundle throws in
        bundle.config["process"]["terminal"] = true
        bundle.mount("/dev", type: "tmpfs", from: "tmpfs", "mode=755")
        bundle.mount("/dev/pts", type: "devpts", from: "devpts", "newinstance", "ptmxmode=0666", "mode=0620")
        bundle.arguments = ["sh", "-c", "tty; stat -c %u $(tty); read -r line"]
        try bundle.writeConfig()
        let terminal = try PseudoTerminal()
        // Handed over as a login does it: the program opens it anew.
        #expect(fchown(terminal.slave, 15_000, 15_000) == 0)
        let run = try bundle.begin(["run", "--bundle", bundle.directory, bundle.id], terminal: terminal.slave)
        #expect(terminal.shows("/dev/pts/0\n0\n"))
        let other = try PseudoTerminal()
        #expect(fchown(other.slave, 15_000, 15_000) == 0)
        let exec = try bundle.begin(["exec", "--tty", bundle.id, "sh", "-c", "tty; exit 3"], terminal: other.slave)
        #expect(other.shows("/dev/pts/1\n"))
        #expect(try exec.finish().status == 3)
        try terminal.type("\r")
        #expect(try run.finish().status == 0)
      }
    }

    // MARK: who is asking

    @Test func thatRootIsOrdinaryCanBeSaid() throws {
      try withBundle { bundle throws in
        bundle.arguments = ["sleep", "1000"]
        try bundle.writeConfig()
        func call(_ rootless: String, _ arguments: String...) throws -> Outcome {
          try Command(
            [Machine.runtime, "--rootless", rootless] + arguments,
            environment: ["PATH=\(Machine.path)", bundle.marker, "XDG_RUNTIME_DIR=" + bundle.directory]
          ).finish()
        }
        #expect(try call("true", "create", "--bundle", bundle.directory, bundle.id).status == 0)
        #expect(Files.exists(bundle.directory + "/apus/\(bundle.id)/state.json"))
        for answer in ["auto", "false"] {
          #expect(try call(answer, "state", bundle.id).errors.contains("container does not exist"))
        }
        #expect(try call("true", "delete", "--force", bundle.id).status == 0)
      }
    }

    @Test func thatAUserIsRootCanBeSaidAndIsOfNoUse() throws {
      try withUsersBundle(RootlessContainers.giver) { bundle throws in
        try bundle.writeConfig()
        let outcome = try Command(
          bundle.runtime + ["--rootless=false", "create", "--bundle", bundle.directory, bundle.id],
          environment: ["PATH=\(Machine.path)", bundle.marker, "XDG_RUNTIME_DIR=" + bundle.directory]
        ).finish()
        bundle.expectRefused(outcome, "create", ["/run/apus", "permission denied"])
        // What an ordinary user's container may lack, this one must have.
        bundle.expectRefused(try bundle.tryCreate(global: ["--rootless=false"]), "create", ["cgroup"])
        #expect(try bundle.tryCreate(global: ["--rootless=auto"]).status == 0)
      }
    }

    // MARK: the state directory

    @Test func theStatesAreBelowTheUsersRuntimeDirectory() throws {
      try withUsersBundle { bundle throws in
        bundle.arguments = ["sleep", "1000"]
        try bundle.writeConfig()
        let environment = ["PATH=\(Machine.path)", bundle.marker, "XDG_RUNTIME_DIR=" + bundle.directory]
        func call(_ arguments: String...) throws -> Outcome {
          try Command(bundle.runtime + arguments, environment: environment).finish()
        }
        #expect(try call("create", "--bundle", bundle.directory, bundle.id).status == 0)
        #expect(Files.exists(bundle.directory + "/apus/\(bundle.id)/state.json"))
        #expect(try call("list", "-q").lines == [bundle.id])
        #expect(try call("delete", "--force", bundle.id).status == 0)
        var status = stat()
        #expect(stat(bundle.directory + "/apus", &status) == 0)
        #expect(status.st_mode & 0o7777 == 0o1700)
      }
    }

    @Test(arguments: ["XDG_RUNTIME_DIR=", "OTHER=1"])
    func withoutARuntimeDirectoryTheUserIsToldWhatToDo(_ variable: String) throws {
      try withUsersBundle(RootlessContainers.giver) { bundle throws in
        try bundle.writeConfig()
        let outcome = try Command(
          bundle.runtime + ["create", "--bundle", bundle.directory, bundle.id],
          environment: ["PATH=\(Machine.path)", bundle.marker, variable]
        ).finish()
        bundle.expectRefused(outcome, "create", ["/run/apus", "permission denied", "set XDG_RUNTIME_DIR"])
      }
    }

    // MARK: the user namespace

    @Test func withoutOneInTheConfigurationThereIsAUserNamespace() throws {
      try withUsersBundle { bundle throws in
        bundle.arguments = ["sh", "-c", "id -u; cat /proc/self/uid_map /proc/self/gid_map; touch /tmp/mine"]
        let outcome = try bundle.run()
        #expect(outcome.status == 0, "\(outcome)")
        #expect(outcome.lines.map(words) == [["0"], ["0", "15000", "1"], ["0", "15000", "1"]])
        #expect(outcome.errors.contains("/etc/subuid"))
        var status = stat()
        #expect(stat(bundle.rootfs + "/tmp/mine", &status) == 0 && status.st_uid == 15_000)
      }
    }

    @Test(.enabled(if: OrdinaryUser.canGiveIDs, "needs newuidmap"))
    func theIDsThatTheUserMayGiveAwayAreUsed() throws {
      try withUsersBundle(RootlessContainers.giver) { bundle throws in
        bundle.config["process"]["capabilities"] = [
          "bounding": ["CAP_CHOWN"], "effective": ["CAP_CHOWN"], "permitted": ["CAP_CHOWN"],
        ]
        let lines = try bundle.output(of: "cat /proc/self/uid_map; touch /tmp/theirs; chown 1000:1000 /tmp/theirs")
          .split(separator: "\n").map { words(String($0)) }
        #expect(
          lines == [["1", "700000", "65536"], ["0", "15000", "1"]]
            || lines == [["0", "15000", "1"], ["1", "700000", "65536"]])
        var status = stat()
        #expect(stat(bundle.rootfs + "/tmp/theirs", &status) == 0 && status.st_uid == 700_999)
      }
    }

    @Test func theContainersUserIsTheCallerWhoeverThatIs() throws {
      try withUsersBundle { bundle throws in
        bundle.config["process"]["user"] = ["uid": 1000, "gid": 100]
        bundle.mount("/dev/pts", type: "devpts", from: "devpts", "newinstance", "ptmxmode=0666", "gid=5")
        try bundle.expect("id -u; id -g; touch /tmp/mine; stat -c %u:%g /tmp/mine", prints: "1000\n100\n1000:100")
      }
    }

    @Test(.enabled(if: Machine.has("newuidmap"), "needs newuidmap"))
    func idsThatAreNotTheUsersAreRefused() throws {
      try withUsersBundle(RootlessContainers.giver) { bundle throws in
        bundle.namespace("user", new: true)
        let maps: JSON = [["containerID": 0, "hostID": 0, "size": 10]]
        bundle.config["linux"]["uidMappings"] = maps
        bundle.config["linux"]["gidMappings"] = maps
        let outcome = try bundle.tryCreate(global: ["--cgroup-manager", "disabled"])
        bundle.expectRefused(outcome, "create", ["user namespace: newgidmap", "not allowed"])
      }
    }

    @Test func groupsThatCannotBeHadAreRefused() throws {
      try withUsersBundle { bundle throws in
        bundle.config["process"]["user"]["additionalGids"] = [5]
        let outcome = try bundle.tryCreate()
        #expect(outcome.status == 1)
        #expect(
          outcome.errors.contains("process.user.additionalGids: setgroups: Operation not permitted; "), "\(outcome)")
        bundle.expectNothingLeft()
      }
    }

    @Test(.enabled(if: OrdinaryUser.canGiveIDs, "needs newuidmap"))
    func anotherContainersNamespacesAreJoined() throws {
      try withUsersBundle(RootlessContainers.giver) { owner throws in
        try owner.launch("sleep", "1000")
        let pid = try owner.pid()
        try withUsersBundle(RootlessContainers.giver) { bundle throws in
          bundle.namespace("user", path: "/proc/\(pid)/ns/user")
          bundle.namespace("network", path: "/proc/\(pid)/ns/net")
          bundle.namespace("pid", path: "/proc/\(pid)/ns/pid")
          let files = ["user", "net", "pid"]
          let inside = try bundle.output(of: files.map { "readlink /proc/self/ns/\($0)" }.joined(separator: ";"))
          #expect(inside.split(separator: "\n").map(String.init) == files.map { Processes.namespace(pid, $0) })
        }
      }
    }

    // MARK: what takes rights that the user has not

    @Test func devicesAreTheHosts() throws {
      try withUsersBundle { bundle throws in
        bundle.mount("/dev", type: "tmpfs", from: "tmpfs", "mode=755")
        try bundle.expect(
          "stat -c %t:%T /dev/null /dev/zero /dev/tty; head -c 4 /dev/zero | wc -c", prints: "1:3\n1:5\n5:0\n4")
      }
    }

    @Test func withTheHostsNetworkSysIsTheHostsAndReadOnly() throws {
      try withUsersBundle { bundle throws in
        bundle.namespace("network")
        bundle.mount("/sys", type: "sysfs", from: "sysfs", "nosuid", "noexec", "nodev")
        let lines = try bundle.output(of: "ls -d /sys/class/net/lo; grep ' /sys' /proc/self/mounts").split(
          separator: "\n")
        #expect(lines.first == "/sys/class/net/lo")
        #expect(lines.count > 1)
        for line in lines.dropFirst() { #expect(line.split(separator: " ")[3].hasPrefix("ro,"), "\(line)") }
      }
    }

    /// CVE-2023-25809: the user's own cgroups below a /sys that was read-only at its top alone.
    @Test func aReadOnlySysIsReadOnlyWithTheCgroupsBelowIt() throws {
      try withUsersBundle { bundle throws in
        bundle.mount("/sys", type: "none", from: "/sys", "rbind", "nosuid", "noexec", "nodev", "ro")
        let lines = try bundle.output(of: "grep ' /sys' /proc/self/mounts").split(separator: "\n")
        #expect(lines.contains { $0.contains(" /sys/fs/cgroup") })
        for line in lines { #expect(line.split(separator: " ")[3].hasPrefix("ro,"), "\(line)") }
      }
    }

    @Test(arguments: [true, false])
    func aCgroupThatIsNotTheContainersIsReadOnly(_ inNamespace: Bool) throws {
      try withUsersBundle { bundle throws in
        bundle.namespace("cgroup", new: inNamespace)
        bundle.mount("/sys/fs/cgroup", type: "cgroup", from: "cgroup", "nosuid", "noexec", "nodev")
        let lines = try bundle.output(
          of: "grep ' /sys/fs/cgroup/' /proc/self/mounts || grep ' /sys/fs/cgroup' /proc/self/mounts"
        )
        .split(separator: "\n")
        #expect(!lines.isEmpty)
        for line in lines { #expect(line.split(separator: " ")[3].hasPrefix("ro,"), "\(line)") }
      }
    }

    @Test func limitsWithoutACgroupAreRefused() throws {
      try withUsersBundle { bundle throws in
        bundle.config["linux"]["resources"] = ["pids": ["limit": 10]]
        let outcome = try bundle.tryCreate()
        #expect(outcome.status == 1)
        #expect(outcome.errors.contains("this user may not make cgroups there"), "\(outcome)")
        bundle.expectNothingLeft()
      }
    }

    @Test func aHostsProcessesAreSeenWhenTheyAreShared() throws {
      try withUsersBundle { bundle throws in
        bundle.namespace("pid")
        let own = try Files.read("/proc/self/comm")
        #expect(try bundle.output(of: "cat /proc/\(getpid())/comm") == own.trimmingCharacters(in: .newlines))
      }
    }

    @Test func theOOMScoreIsRaised() throws {
      try withUsersBundle { bundle throws in
        bundle.config["process"]["oomScoreAdj"] = 700
        try bundle.expect("cat /proc/self/oom_score_adj", prints: "700")
      }
    }

    @Test func aTimeNamespaceHasItsOffsets() throws {
      try withUsersBundle { bundle throws in
        bundle.namespace("time", new: true)
        bundle.config["linux"]["timeOffsets"] = ["boottime": ["secs": 86_400]]
        let lines = try bundle.output(of: "cat /proc/self/timens_offsets").split(separator: "\n").map {
          words(String($0))
        }
        #expect(lines.contains(["boottime", "86400", "0"]))
      }
    }

    @Test func seccompAndSysctlWork() throws {
      try withUsersBundle { bundle throws in
        bundle.config["linux"]["sysctl"] = ["net.ipv4.ip_forward": "1"]
        bundle.config["linux"]["seccomp"] = [
          "defaultAction": "SCMP_ACT_ALLOW",
          "syscalls": [["names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 13]],
        ]
        try bundle.expect(
          "cat /proc/sys/net/ipv4/ip_forward; mkdir /tmp/x 2>&1 | grep -o 'Permission denied'",
          prints: "1\nPermission denied")
      }
    }
  }
}

import CTestSupport
import Foundation
import Testing

extension Integration {
  /// Which namespaces a container lives in.
  @Suite struct Namespaces {
    /// The kinds of config-linux.md, by the names of /proc/PID/ns.
    static let kinds = [
      ("pid", "pid"), ("network", "net"), ("ipc", "ipc"), ("uts", "uts"), ("mount", "mnt"), ("cgroup", "cgroup"),
      ("user", "user"), ("time", "time"),
    ]

    @Test(arguments: kinds)
    func aNewNamespaceIsNotTheHosts(_ kind: String, _ file: String) throws {
      try withBundle { bundle throws in
        if kind == "user" { bundle.mapIDs(to: 0) } else { bundle.namespace(kind, new: true) }
        let inside = try bundle.output(of: "readlink /proc/self/ns/\(file)")
        #expect(inside.hasPrefix(file + ":["))
        #expect(inside != Processes.namespace(Int(getpid()), file))
      }
    }

    @Test(arguments: kinds.filter { $0.0 != "mount" && $0.0 != "user" && $0.0 != "time" })
    func withoutAnEntryTheNamespaceIsTheHosts(_ kind: String, _ file: String) throws {
      try withBundle { bundle throws in
        bundle.namespace(kind)
        let inside = try bundle.output(of: "readlink /proc/self/ns/\(file)")
        #expect(inside == Processes.namespace(Int(getpid()), file))
      }
    }

    @Test(arguments: kinds.filter { $0.0 != "mount" && $0.0 != "user" })
    func aNamespaceIsJoinedByItsPath(_ kind: String, _ file: String) throws {
      try withBundle { owner throws in
        owner.namespace("time", new: true)
        try owner.launch("sleep", "1000")
        let pid = try owner.pid()
        let wanted = try #require(Processes.namespace(pid, file))
        try withBundle { bundle throws in
          bundle.namespace(kind, path: "/proc/\(pid)/ns/\(file)")
          let inside = try bundle.output(of: "readlink /proc/self/ns/\(file)")
          #expect(inside == wanted)
        }
      }
    }

    @Test func aUserNamespaceIsJoinedByItsPath() throws {
      try withBundle { owner throws in
        owner.mapIDs(to: 100_000)
        try owner.launch("sleep", "1000")
        let pid = try owner.pid()
        let wanted = try #require(Processes.namespace(pid, "user"))
        try withBundle { bundle throws in
          bundle.namespace("user", path: "/proc/\(pid)/ns/user")
          bundle.giveRootfs(to: 100_000)
          let lines = try bundle.output(of: "readlink /proc/self/ns/user; id -u").split(separator: "\n")
          #expect(lines == [Substring(wanted), "0"])
        }
      }
    }

    @Test func allNamespacesOfAnotherContainerAreJoinedTogether() throws {
      try withBundle { owner throws in
        try owner.launch("sleep", "1000")
        let pid = try owner.pid()
        try withBundle { bundle throws in
          let kinds = Namespaces.kinds.filter { !["mount", "user", "time"].contains($0.0) }
          for (kind, file) in kinds { bundle.namespace(kind, path: "/proc/\(pid)/ns/\(file)") }
          let inside = try bundle.output(of: kinds.map { "readlink /proc/self/ns/\($0.1)" }.joined(separator: ";"))
          #expect(inside.split(separator: "\n").map(String.init) == kinds.map { Processes.namespace(pid, $0.1) })
        }
      }
    }

    // MARK: pid

    @Test func inANewPidNamespaceTheProcessIsTheFirst() throws {
      try withBundle { bundle throws in
        // The shell looks for itself, so that it is all there is.
        let inside = try bundle.output(of: "echo $$; echo /proc/[0-9]*")
        #expect(inside == "1\n/proc/1")
      }
    }

    @Test func inAJoinedPidNamespaceTheOwnersProcessesAreSeen() throws {
      try withBundle { owner throws in
        try owner.launch("sleep", "1000")
        let pid = try owner.pid()
        try withBundle { bundle throws in
          bundle.namespace("pid", path: "/proc/\(pid)/ns/pid")
          let inside = try bundle.output(of: "cat /proc/1/cmdline | tr '\\0' ' '")
          #expect(inside == "sleep 1000 ")
        }
      }
    }

    @Test func theEndOfTheFirstProcessEndsTheOthers() throws {
      try withBundle { bundle throws in
        try bundle.launch(
          "sh", "-c", "setsid sleep 1000 & setsid sleep 1000 & touch /ready; read -r line < /dev/zero; true")
        try #require(waitUntil { Files.exists(bundle.rootfs + "/ready") })
        #expect(try bundle.apus("kill", bundle.id, "KILL").status == 0)
        try bundle.waitUntilStopped()
        #expect(
          waitUntil {
            Children.shared.reapOrphans()
            return Processes.marked(bundle.marker).isEmpty
          })
      }
    }

    // MARK: network

    @Test func aNewNetworkNamespaceHasTheLoopbackUpAndNothingElse() throws {
      try withBundle { bundle throws in
        let lines = try bundle.output(of: "ip -o link | cut -d' ' -f2,3; ip -o addr | grep -o 'inet [0-9./]*'")
          .split(separator: "\n")
        #expect(lines.first?.hasPrefix("lo: <LOOPBACK,UP") == true)
        #expect(lines.dropFirst().filter { $0.hasPrefix("inet ") } == ["inet 127.0.0.1/8"])
        #expect(lines.filter { $0.contains("UP") }.count == 1)
      }
    }

    @Test func twoContainersWithOneNetworkReachEachOther() throws {
      try withBundle { server throws in
        try server.launch("sh", "-c", "echo hello | nc -l -p 4242")
        let pid = try server.pid()
        try withBundle { client throws in
          client.namespace("network", path: "/proc/\(pid)/ns/net")
          let inside = try client.output(of: "until nc 127.0.0.1 4242 < /dev/zero; do true; done")
          #expect(inside == "hello")
        }
      }
    }

    @Test(.enabled(if: Machine.has("ip"), "needs ip"))
    func aNamedNetworkNamespaceIsJoined() throws {
      let name = Scratch.name("apus-test-\(getpid())-")
      try #require(try host("ip", "netns", "add", name).status == 0)
      defer { _ = try? host("ip", "netns", "delete", name) }
      try withBundle { bundle throws in
        bundle.namespace("network", path: "/run/netns/\(name)")
        let inside = try bundle.output(of: "stat -L -c %i /proc/self/ns/net")
        var status = stat()
        #expect(stat("/run/netns/\(name)", &status) == 0)
        #expect(inside == String(status.st_ino))
      }
    }

    // MARK: uts

    @Test func hostAndDomainNameAreSet() throws {
      try withBundle { bundle throws in
        bundle.config["hostname"] = "swift"
        bundle.config["domainname"] = "example.org"
        try bundle.expect("hostname; cat /proc/sys/kernel/domainname", prints: "swift\nexample.org")
      }
    }

    @Test func theHostKeepsItsName() throws {
      try withBundle { bundle throws in
        let before = try Files.read("/proc/sys/kernel/hostname")
        bundle.config["hostname"] = "swift"
        _ = try bundle.output(of: "true")
        #expect(try Files.read("/proc/sys/kernel/hostname") == before)
      }
    }

    // MARK: time

    @Test(.enabled(if: Machine.hasTimeNamespaces, "needs time namespaces"))
    func theClocksOfATimeNamespaceHaveTheirOffsets() throws {
      try withBundle { bundle throws in
        bundle.namespace("time", new: true)
        bundle.config["linux"]["timeOffsets"] = [
          "monotonic": ["secs": 172_800, "nanosecs": 5], "boottime": ["secs": 86_400],
        ]
        let lines = try bundle.output(of: "cat /proc/self/timens_offsets; cut -d. -f1 /proc/uptime").split(
          separator: "\n")
        let offsets = lines.map { $0.split(separator: " ").map(String.init) }
        #expect(offsets.contains(["monotonic", "172800", "5"]))
        #expect(offsets.contains(["boottime", "86400", "0"]))
        let host = try #require(Double(try Files.read("/proc/uptime").split(separator: " ")[0]))
        let inside = try #require(lines.last.flatMap { Double($0) })
        #expect(abs(inside - host - 86_400) < 60)
      }
    }

    // MARK: mount

    @Test func withoutAMountNamespaceTheRootIsChangedAndNothingMounted() throws {
      try withBundle { bundle throws in
        bundle.namespace("mount")
        bundle.config["mounts"] = []
        let inside = try bundle.output(of: "ls /bin/busybox; ls -d /sys/kernel /usr 2>&1; echo > /dev/null; cd ..; pwd")
        #expect(inside.hasPrefix("/bin/busybox\nls: /sys/kernel: No such file"))
        #expect(inside.hasSuffix("\n/"))
      }
    }

    @Test func theRootOfTheCallerIsLeftAsItIs() throws {
      try withBundle { bundle throws in
        bundle.namespace("mount")
        bundle.config["mounts"] = []
        bundle.config["root"]["path"] = "/"
        let core = Files.link("/dev/core")
        bundle.arguments = ["/bin/sh", "-c", "readlink /proc/$PPID/ns/mnt; pwd"]
        bundle.namespace("pid")
        let outcome = try bundle.run()
        #expect(outcome.status == 0, "\(outcome)")
        #expect(outcome.lines.last == "/")
        #expect(Files.link("/dev/core") == core)
      }
    }

    @Test func withoutAMountNamespaceTheMountsAreTheContainersAlone() throws {
      try withBundle { bundle throws in
        bundle.namespace("mount")
        bundle.mount("/data", type: "tmpfs", from: "tmpfs")
        bundle.mount("/data/deep/er", type: "tmpfs", from: "tmpfs")
        bundle.arguments = [
          "sh", "-c",
          "echo words > /data/deep/er/file; stat -f -c %T /data /proc > /answer; readlink /proc/self/ns/mnt >> /answer;"
            + "exec sleep 1000",
        ]
        try bundle.create()
        #expect(mounts(below: bundle.directory) == [])
        try bundle.start()
        let wanted = "tmpfs\nproc\n" + (Processes.namespace(Int(getpid()), "mnt") ?? "") + "\n"
        #expect(waitUntil { (try? Files.read(bundle.rootfs + "/answer")) == wanted })
        #expect(mounts(below: bundle.directory) == [])
        #expect(Files.names(bundle.rootfs + "/data") == [])
        #expect(try bundle.apus("exec", bundle.id, "cat", "/data/deep/er/file").output == "words\n")
        // Nothing has to be cleared away, whoever ends it.
        kill(pid_t(try bundle.pid()), SIGKILL)
        try bundle.waitUntilStopped()
        #expect(try bundle.apus("delete", bundle.id).status == 0)
        bundle.expectNothingLeft()
      }
    }

    @Test func withoutAMountNamespaceTheRootIsProtectedAsEver() throws {
      try withBundle { bundle throws in
        bundle.namespace("mount")
        try Files.write("secret", to: bundle.rootfs + "/etc/secret")
        bundle.config["root"]["readonly"] = true
        bundle.config["linux"]["rootfsPropagation"] = "private"
        bundle.config["linux"]["maskedPaths"] = ["/etc/secret", "/sys"]
        bundle.config["linux"]["readonlyPaths"] = ["/proc/sys"]
        try bundle.expect(
          "cat /etc/secret; touch /new 2>&1 | grep -o Read-only; (echo 1 > /proc/sys/net/ipv4/ip_forward) 2>&1 | grep -o Read-only;"
            + "echo done > /dev/null && echo done",
          prints: "Read-only\nRead-only\ndone")
      }
    }

    @Test func withoutAMountNamespaceNoLinkLeadsAMountOutside() throws {
      try withBundle { bundle throws in
        bundle.namespace("mount")
        try Files.makeLink(bundle.rootfs + "/data", to: "../../../../../../../../etc")
        bundle.mount("/data", type: "tmpfs", from: "tmpfs")
        try bundle.expect("ls /etc; touch /etc/inside; ls /etc", prints: "inside")
        #expect(!Files.exists("/etc/inside") && !Files.exists(bundle.rootfs + "/etc/inside"))
      }
    }

    @Test func whatFailsOnTheWayLeavesNoMount() throws {
      try withBundle { bundle throws in
        bundle.namespace("mount")
        bundle.mount("/data", type: "tmpfs", from: "tmpfs")
        bundle.mount("/other", type: "tmpfs", from: "tmpfs", "nosuchoption=1")
        bundle.expectRefused(try bundle.tryCreate(), "create", ["mount #2 \"/other\"", "nosuchoption"])
      }
    }

    @Test(.enabled(if: Machine.hasUserNamespaces, "needs user namespaces"))
    func aUserNamespaceCannotMountInTheCallers() throws {
      try withBundle { bundle throws in
        bundle.mapIDs(to: 100_000)
        bundle.namespace("mount")
        bundle.expectRefused(try bundle.tryCreate(), "create", ["mounts", "needs a mount namespace"])
        bundle.namespace("user")
        bundle.config["linux"]["uidMappings"] = .null
        bundle.config["linux"]["gidMappings"] = .null
        bundle.mount("/data", type: "tmpfs", from: "tmpfs", "unbindable")
        bundle.expectRefused(try bundle.tryCreate(), "create", ["mounts[1]", "needs a mount namespace"])
      }
    }

    @Test func aFurtherProcessHasTheContainersRoot() throws {
      try withBundle { bundle throws in
        bundle.namespace("mount")
        bundle.config["mounts"] = []
        try bundle.launch("sleep", "1000")
        let outcome = try bundle.apus("exec", bundle.id, "sh", "-c", "ls -d /usr 2>&1; ls -d ../../../bin/busybox; pwd")
        #expect(outcome.lines == ["ls: /usr: No such file or directory", "../../../bin/busybox", "/"], "\(outcome)")
      }
    }

    @Test func inAJoinedMountNamespaceToo() throws {
      try withBundle { owner throws in
        try owner.makeRootfs(owner.rootfs + "/inner")
        try owner.launch("sleep", "1000")
        let pid = try owner.pid()
        try withBundle { bundle throws in
          bundle.namespace("mount", path: "/proc/\(pid)/ns/mnt")
          bundle.config["root"]["path"] = "/inner"
          bundle.config["mounts"] = []
          try bundle.launch("sleep", "1000")
          let outcome = try bundle.apus("exec", bundle.id, "sh", "-c", "ls -d /inner 2>&1; ls /bin/busybox")
          #expect(outcome.lines == ["ls: /inner: No such file or directory", "/bin/busybox"], "\(outcome)")
        }
      }
    }

    @Test func aMountNamespaceIsJoinedAndTheRootFoundInIt() throws {
      try withBundle { owner throws in
        owner.mount("/data", type: "tmpfs", from: "tmpfs")
        try owner.launch("sh", "-c", "echo words > /data/file; exec sleep 1000")
        let pid = try owner.pid()
        try #require(waitUntil { Files.exists("/proc/\(pid)/root/data/file") })
        try withBundle { bundle throws in
          bundle.namespace("mount", path: "/proc/\(pid)/ns/mnt")
          // Whose /proc is that of its processes.
          bundle.namespace("pid", path: "/proc/\(pid)/ns/pid")
          bundle.config["root"]["path"] = "/"
          bundle.config["mounts"] = [["destination": "/tmp", "type": "tmpfs", "source": "tmpfs"]]
          try bundle.expect(
            "cat /data/file; grep -c ' /tmp tmpfs' /proc/self/mounts; readlink /proc/self/ns/mnt",
            prints: "words\n1\n" + (Processes.namespace(pid, "mnt") ?? ""))
        }
      }
    }

    // MARK: user

    @Test(.enabled(if: Machine.hasUserNamespaces, "needs user namespaces"))
    func idsAreMapped() throws {
      try withBundle { bundle throws in
        bundle.mapIDs(to: 100_000, size: 5000)
        let lines = try bundle.output(of: "id -u; cat /proc/self/uid_map /proc/self/gid_map; touch /tmp/mine")
          .split(separator: "\n").map { $0.split(separator: " ").joined(separator: " ") }
        #expect(lines == ["0", "0 100000 5000", "0 100000 5000"])
      }
    }

    @Test(.enabled(if: Machine.hasUserNamespaces, "needs user namespaces"), arguments: [true, false])
    func kernelParametersOfEveryNamespaceAreSet(_ isMapped: Bool) throws {
      try withBundle { bundle throws in
        if isMapped { bundle.mapIDs(to: 100_000) }
        let parameters = [
          ("kernel.hostname", "inside"), ("kernel/domainname", "example.org"), ("kernel.msgmax", "4096"),
          ("fs.mqueue.msg_max", "20"), ("net.ipv4.ip_forward", "1"),
        ]
        for (name, value) in parameters { bundle.config["linux"]["sysctl"][name] = .string(value) }
        let files = parameters.map { "/proc/sys/" + $0.0.replacingOccurrences(of: ".", with: "/") }
        try bundle.expect(
          "cat \(files.joined(separator: " "))", prints: parameters.map(\.1).joined(separator: "\n"))
      }
    }

    @Test(.enabled(if: Machine.hasUserNamespaces, "needs user namespaces"))
    func filesOfAMappedRootBelongToAnOrdinaryUserOfTheHost() throws {
      try withBundle { bundle throws in
        bundle.mapIDs(to: 100_000)
        try #require(chmod(bundle.rootfs + "/tmp", 0o777) == 0)
        _ = try bundle.output(of: "touch /tmp/mine")
        var status = stat()
        try #require(stat(bundle.rootfs + "/tmp/mine", &status) == 0)
        #expect(status.st_uid == 100_000)
        #expect(status.st_gid == 100_000)
      }
    }

    @Test(.enabled(if: Machine.hasUserNamespaces, "needs user namespaces"))
    func aMappedRootHasTheDefaultDevices() throws {
      try withBundle { bundle throws in
        bundle.mapIDs(to: 100_000)
        bundle.mount("/dev", type: "tmpfs", from: "tmpfs", "mode=755")
        let inside = try bundle.output(
          of: "echo gone > /dev/null; head -c 4 /dev/zero | wc -c; stat -c %t:%T /dev/null")
        #expect(inside == "4\n1:3")
      }
    }

    /// Of a new user namespace and of one that is joined.
    @Test(.enabled(if: Machine.hasUserNamespaces, "needs user namespaces"), arguments: [true, false])
    func newNamespacesBelongToTheContainersUserNamespace(_ joins: Bool) throws {
      try withBundle { owner throws in
        owner.mapIDs(to: 100_000)
        try owner.launch("sleep", "1000")
        try withBundle { bundle throws in
          bundle.mapIDs(to: 100_000)
          if joins {
            bundle.namespace("user", path: "/proc/\(try owner.pid())/ns/user")
            bundle.config["linux"]["uidMappings"] = .null
            bundle.config["linux"]["gidMappings"] = .null
          }
          bundle.namespace("time", new: true)
          try bundle.launch("sleep", "1000")
          let pid = try bundle.pid()
          let user = Processes.namespace(pid, "user")
          #expect((user == Processes.namespace(try owner.pid(), "user")) == joins)
          for (kind, file) in Namespaces.kinds where kind != "user" {
            #expect("user:[\(ct_namespace_owner("/proc/\(pid)/ns/\(file)"))]" == user, "\(kind)")
          }
        }
      }
    }

    @Test(
      .enabled(if: Machine.hasUserNamespaces && Machine.hasTimeNamespaces, "needs user and time namespaces"),
      arguments: [true, false])
    func clocksOfAUserNamespaceHaveTheirOffsets(_ joins: Bool) throws {
      try withBundle { owner throws in
        owner.mapIDs(to: 100_000)
        try owner.launch("sleep", "1000")
        try withBundle { bundle throws in
          bundle.mapIDs(to: 100_000)
          if joins {
            for (kind, file) in [("user", "user"), ("pid", "pid")] {
              bundle.namespace(kind, path: "/proc/\(try owner.pid())/ns/\(file)")
            }
            bundle.config["linux"]["uidMappings"] = .null
            bundle.config["linux"]["gidMappings"] = .null
          }
          bundle.namespace("time", new: true)
          bundle.config["linux"]["timeOffsets"] = ["boottime": ["secs": 86_400]]
          let inside = try bundle.output(of: "grep boottime /proc/self/timens_offsets; cut -d. -f1 /proc/uptime")
          #expect(inside.split(separator: " ").prefix(2) == ["boottime", "86400"])
          let host = try #require(Double(try Files.read("/proc/uptime").split(separator: " ")[0]))
          let uptime = try #require(inside.split(separator: "\n").last.flatMap { Double($0) })
          #expect(abs(uptime - host - 86_400) < 60)
        }
      }
    }

    /// Each kind of namespace is joined, or new, beside a new user namespace.
    @Test(
      .enabled(if: Machine.hasUserNamespaces, "needs user namespaces"),
      arguments: ["pid", "network", "ipc", "uts", "cgroup", "time"])
    func besideANewUserNamespaceAnyOtherIsJoined(_ kind: String) throws {
      let file = kind == "network" ? "net" : kind
      try withBundle { owner throws in
        owner.namespace("time", new: true)
        try owner.launch("sleep", "1000")
        let pid = try owner.pid()
        try withBundle { bundle throws in
          bundle.mapIDs(to: 100_000)
          if kind == "pid" {
            bundle.config["mounts"] = [
              ["destination": "/proc", "type": "none", "source": "/proc", "options": ["rbind"]]
            ]
          }
          bundle.namespace(kind, path: "/proc/\(pid)/ns/\(file)")
          try bundle.launch("sleep", "1000")
          let own = try bundle.pid()
          #expect(Processes.namespace(own, file) == Processes.namespace(pid, file))
          #expect(Processes.namespace(own, "user") != Processes.namespace(pid, "user"))
        }
      }
    }

    @Test(.enabled(if: Machine.hasUserNamespaces, "needs user namespaces"))
    func kernelParametersOfAUserNamespaceAreSet() throws {
      try withBundle { bundle throws in
        bundle.mapIDs(to: 100_000)
        bundle.config["linux"]["sysctl"] = [
          "net.ipv4.ip_forward": "1", "kernel.shmmni": "17",
        ]
        try bundle.expect(
          "cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/shmmni", prints: "1\n17")
      }
    }

    @Test(.enabled(if: Machine.hasUserNamespaces, "needs user namespaces"))
    func aMappedRootSeesSysAndItsCgroup() throws {
      try withBundle { bundle throws in
        bundle.mapIDs(to: 100_000)
        bundle.mount("/sys", type: "sysfs", from: "sysfs", "nosuid", "noexec", "nodev", "ro")
        bundle.mount("/sys/fs/cgroup", type: "cgroup", from: "cgroup", "nosuid", "noexec", "nodev", "ro")
        bundle.config["linux"]["resources"] = ["pids": ["limit": 77]]
        try bundle.expect(
          "ls /sys/class/net; cat /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/pids.max 2>/dev/null; true",
          prints: "lo\n77")
      }
    }

    @Test(.enabled(if: Machine.hasUserNamespaces, "needs user namespaces"), arguments: [false, true])
    func aSourceThatOnlyRootOutsideReachesIsBound(_ isJoined: Bool) throws {
      try withBundle { owner throws in
        owner.mapIDs(to: 100_000)
        try owner.launch("sleep", "1000")
        let namespace = "/proc/\(try owner.pid())/ns/user"
        try withBundle { bundle throws in
          bundle.mapIDs(to: 100_000)
          // As containerd does it for pods: with the maps of the namespace that is joined.
          if isJoined { bundle.namespace("user", path: namespace) }
          let secret = bundle.workspace + "/secret"
          try Files.makeDirectory(secret, mode: 0o700)
          try Files.makeDirectory(secret + "/data")
          try Files.write("words\n", to: secret + "/data/file")
          bundle.mount("/data", type: "bind", from: secret + "/data", "bind", "ro")
          try bundle.expect(
            "cat /data/file; (echo x > /data/file) 2>&1; true",
            prints: "words\nsh: can't create /data/file: Read-only file system")
        }
      }
    }

    @Test(.enabled(if: Machine.hasUserNamespaces, "needs user namespaces"))
    func aMappedRootStartedStepByStepGoesThroughItsLife() throws {
      try withBundle { bundle throws in
        bundle.mapIDs(to: 100_000)
        try bundle.launch("sleep", "1000")
        #expect(Processes.status(try bundle.pid(), "Uid")?.hasPrefix("100000") == true)
        #expect(try bundle.apus("kill", bundle.id, "KILL").status == 0)
        try bundle.waitUntilStopped()
        #expect(try bundle.apus("delete", bundle.id).status == 0)
        bundle.expectNothingLeft()
      }
    }
  }
}

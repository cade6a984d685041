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
        let inside = try bundle.output(of: "echo $$; ls /proc | grep -c '^[0-9]'")
        // The shell, ls and grep.
        #expect(inside == "1\n3")
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

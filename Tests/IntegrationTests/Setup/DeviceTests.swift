import Foundation
import Testing

extension Integration {
  /// /dev of a container.
  @Suite struct Devices {
    @Test(arguments: [false, true])
    func theDefaultDevicesAreThere(_ onTmpfs: Bool) throws {
      try withBundle { bundle throws in
        if onTmpfs { bundle.mount("/dev", type: "tmpfs", from: "tmpfs", "nosuid", "mode=755") }
        let names = ["null", "zero", "full", "random", "urandom", "tty"]
        let seen = try bundle.output(
          of: names.map { "stat -c '%n %a %t:%T %u:%g %F' /dev/\($0)" }.joined(separator: ";"))
        let numbers = ["1:3", "1:5", "1:7", "1:8", "1:9", "5:0"]
        #expect(
          seen.split(separator: "\n").map(String.init)
            == zip(names, numbers).map {
              "/dev/\($0) 666 \($1) 0:0 character special file"
            })
      }
    }

    @Test func theDefaultDevicesWork() throws {
      try withBundle { bundle throws in
        let seen = try bundle.output(
          of:
            "echo x > /dev/null; head -c 3 /dev/zero | wc -c; echo x 2>/dev/null > /dev/full || echo full; head -c 5 /dev/urandom | wc -c"
        )
        #expect(seen == "3\nfull\n5")
      }
    }

    @Test func theLinksAreThere() throws {
      try withBundle { bundle throws in
        bundle.mount("/dev", type: "tmpfs", from: "tmpfs", "mode=755")
        bundle.mount("/dev/pts", type: "devpts", from: "devpts", "newinstance", "ptmxmode=0666", "mode=0620")
        let seen = try bundle.output(of: "for name in fd stdin stdout stderr ptmx; do readlink /dev/$name; done")
        #expect(seen == "/proc/self/fd\n/proc/self/fd/0\n/proc/self/fd/1\n/proc/self/fd/2\npts/ptmx")
      }
    }

    @Test func aDeviceOfTheConfigurationIsMade() throws {
      try withBundle { bundle throws in
        bundle.config["linux"]["devices"] = [
          ["path": "/dev/sub/mine", "type": "c", "major": 1, "minor": 3, "fileMode": 0o640, "uid": 7, "gid": 8],
          ["path": "/dev/block", "type": "b", "major": 7, "minor": 200],
          ["path": "/dev/pipe", "type": "p", "fileMode": 0o600],
          ["path": "/dev/unbuffered", "type": "u", "major": 1, "minor": 5],
        ]
        let seen = try bundle.output(
          of: "cd /dev; stat -c '%n %a %t:%T %u:%g %F' sub/mine block pipe unbuffered"
        ).split(separator: "\n").map(String.init)
        #expect(
          seen == [
            "sub/mine 640 1:3 7:8 character special file", "block 666 7:c8 0:0 block special file",
            "pipe 600 0:0 0:0 fifo",
            "unbuffered 666 1:5 0:0 character special file",
          ])
      }
    }

    @Test func aDeviceOfTheConfigurationReplacesADefaultOne() throws {
      try withBundle { bundle throws in
        bundle.config["linux"]["devices"] = [
          ["path": "/dev/null", "type": "c", "major": 1, "minor": 3, "fileMode": 0o622]
        ]
        try bundle.expect("stat -c %a /dev/null", prints: "622")
      }
    }

    @Test func ptmxLeadsToTheContainersTerminalsWhateverTheImageHas() throws {
      try withBundle { bundle throws in
        try Files.makeLink(bundle.rootfs + "/dev/ptmx", to: "/tmp/ptmx")
        bundle.config["linux"]["devices"] = [["path": "/dev/other", "type": "c", "major": 5, "minor": 2]]
        try bundle.expect("readlink /dev/ptmx", prints: "pts/ptmx")
        bundle.config["linux"]["devices"] = [["path": "/dev/ptmx", "type": "c", "major": 5, "minor": 2]]
        try bundle.expect("readlink /dev/ptmx", prints: "pts/ptmx")
      }
    }

    @Test func aContainerRunsAgainWithTheDevicesItLeft() throws {
      try withBundle { bundle throws in
        for _ in 0..<2 { try bundle.expect("echo x > /dev/null; stat -c %t:%T /dev/null", prints: "1:3") }
      }
    }

    @Test(.enabled(if: Machine.hasUserNamespaces, "needs user namespaces"))
    func aContainerInAUserNamespaceRunsAgainWithTheDevicesItLeft() throws {
      try withBundle { bundle throws in
        bundle.mapIDs(to: 100_000)
        for _ in 0..<2 { try bundle.expect("echo x > /dev/null; stat -c %t:%T /dev/null", prints: "1:3") }
      }
    }

    @Test func aDeviceMayLieOutsideDev() throws {
      try withBundle { bundle throws in
        bundle.config["linux"]["devices"] = [["path": "/srv/zero", "type": "c", "major": 1, "minor": 5]]
        try bundle.expect("head -c 2 /srv/zero | wc -c", prints: "2")
      }
    }

    @Test(.enabled(if: Hierarchies.directory("devices") != nil, "needs the v1 devices controller"))
    func whatIsNotAllowedCannotBeOpened() throws {
      try withBundle { bundle throws in
        bundle.config["process"]["capabilities"] = Processing.capabilities(["CAP_MKNOD"])
        bundle.config["linux"]["resources"] = ["devices": [["allow": false, "access": "rwm"]]]
        // 1:1 is /dev/mem.
        let script =
          "mknod /tmp/mem c 1 1 && echo made; head -c 1 /tmp/mem 2>/dev/null || echo refused; head -c 1 /dev/zero | wc -c"
        try bundle.expect(script, prints: "made\nrefused\n1")
      }
    }

    @Test(.enabled(if: Hierarchies.directory("devices") != nil, "needs the v1 devices controller"))
    func networkTunnelsNeedNoRuleOfTheirOwn() throws {
      try withBundle { bundle throws in
        bundle.config["process"]["capabilities"] = Processing.capabilities(["CAP_MKNOD"])
        bundle.config["linux"]["resources"] = ["devices": [["allow": false, "access": "rwm"]]]
        // The kernel may have no TUN: then it says so. What a rule denies is not permitted.
        let script = "mknod /tmp/tun c 10 200 && echo made; (true </tmp/tun) 2>&1 | grep -c permitted; true"
        try bundle.expect(script, prints: "made\n0")
      }
    }
  }
}

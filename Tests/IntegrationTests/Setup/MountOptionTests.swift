import Foundation
import Testing

extension Integration {
  /// The words of a mount's `options`, as the container feels them.
  @Suite struct MountOptions {
    private static func words(_ line: String) -> Set<String> { Set(line.split(separator: ",").map(String.init)) }

    /// Mounts a tmpfs of the test's own at a directory of the bundle, with one below it, for the time of `body`.
    private static func withTree(
      _ bundle: Bundle, _ flags: Int32 = 0, _ body: (String) throws -> Void
    ) throws {
      let top = bundle.directory + "/tree"
      try Files.makeDirectory(top)
      try #require(mount("tmpfs", top, "tmpfs", 0, nil) == 0)
      defer { umount2(top, Int32(MNT_DETACH)) }
      try Files.makeDirectory(top + "/below")
      try #require(mount("tmpfs", top + "/below", "tmpfs", UInt(flags), nil) == 0)
      if flags != 0 {
        try #require(mount("", top, "", UInt(Int32(MS_REMOUNT) | Int32(MS_BIND) | flags), nil) == 0)
      }
      try body(top)
    }

    // MARK: attributes

    private static let flags: [(String, seen: String, not: String)] = [
      ("ro", "ro", "rw"), ("nosuid", "nosuid", ""), ("nodev", "nodev", ""), ("noexec", "noexec", ""),
      ("nodiratime", "nodiratime", ""), ("noatime", "noatime", "relatime"), ("relatime", "relatime", "noatime"),
      ("norelatime", "relatime", "noatime"), ("strictatime", "rw", "relatime"), ("nostrictatime", "relatime", ""),
      ("nosymfollow", "nosymfollow", ""), ("rw", "rw", "ro"), ("suid", "rw", "nosuid"), ("dev", "rw", "nodev"),
      ("exec", "rw", "noexec"), ("diratime", "rw", "nodiratime"), ("atime", "relatime", "noatime"),
      ("symfollow", "rw", "nosymfollow"), ("defaults", "rw", "nosuid"),
    ]

    @Test(arguments: flags)
    func aFileSystemHas(_ option: String, _ seen: String, _ not: String) throws {
      try withBundle { bundle throws in
        bundle.mount("/data", type: "tmpfs", from: "tmpfs", option)
        let words = MountOptions.words(try bundle.output(of: MountInfo.options(of: "/data")))
        #expect(words.contains(seen) && !words.contains(not), "\(words)")
      }
    }

    @Test(arguments: flags.filter { $0.0 != "defaults" }.map { ($0.0, $0.1, $0.2) })
    func aRecursiveAttributeIsOnEveryMountOfABind(_ option: String, _ seen: String, _ not: String) throws {
      try withBundle { bundle throws in
        // What clears a flag needs one that is set.
        let flags: [String: Int32] = [
          "rw": Int32(MS_RDONLY), "suid": Int32(MS_NOSUID), "dev": Int32(MS_NODEV), "exec": Int32(MS_NOEXEC),
          "diratime": Int32(MS_NODIRATIME), "atime": Int32(MS_NOATIME), "relatime": Int32(MS_NOATIME),
          "norelatime": Int32(MS_NOATIME), "symfollow": 256, "nostrictatime": Int32(MS_STRICTATIME),
        ]
        try MountOptions.withTree(bundle, flags[option] ?? 0) { tree throws in
          bundle.mount("/data", type: "bind", from: tree, "rbind", "r" + option)
          let lines = try bundle.output(
            of: MountInfo.options(of: "/data") + "; " + MountInfo.options(of: "/data/below")
          ).split(separator: "\n").map { MountOptions.words(String($0)) }
          #expect(lines.count == 2)
          for words in lines { #expect(words.contains(seen) && !words.contains(not), "\(words)") }
        }
      }
    }

    @Test func aBindKeepsTheFlagsItsSourceHas() throws {
      try withBundle { bundle throws in
        let kept = Int32(MS_NOSUID) | Int32(MS_NODEV) | Int32(MS_NOEXEC) | Int32(MS_NOATIME)
        try MountOptions.withTree(bundle, kept) { tree throws in
          bundle.mount("/data", type: "bind", from: tree, "bind", "ro")
          #expect(
            MountOptions.words(try bundle.output(of: MountInfo.options(of: "/data")))
              == ["ro", "nosuid", "nodev", "noexec", "noatime"])
        }
      }
    }

    @Test(arguments: [(["bind"], "refused"), (["bind", "ro"], "refused"), (["bind", "rw"], "written")])
    func aBindOfAReadOnlyMountIs(_ options: [String], _ expected: String) throws {
      try withBundle { bundle throws in
        try MountOptions.withTree(bundle, Int32(MS_RDONLY)) { tree throws in
          bundle.config["mounts"].append([
            "destination": "/data", "type": "bind", "source": .string(tree), "options": JSON(options),
          ])
          try bundle.expect("touch /data/x 2>/dev/null && echo written || echo refused", prints: expected)
          // The host's own mount stays as it is.
          #expect(open(tree + "/y", O_CREAT | O_WRONLY, 0o600) == -1)
        }
      }
    }

    @Test(arguments: [
      ("ro", "rw", "rw"), ("rw", "ro", "ro"), ("exec", "noexec", "noexec"), ("noatime", "relatime", "relatime"),
    ])
    func ofWordsThatContradictTheLastOneCounts(_ first: String, _ second: String, _ seen: String) throws {
      try withBundle { bundle throws in
        bundle.mount("/data", type: "bind", from: bundle.workspace, "bind", first, second)
        bundle.mount("/new", type: "tmpfs", from: "tmpfs", first, second)
        for line in try bundle.output(
          of: MountInfo.options(of: "/data") + "; " + MountInfo.options(of: "/new")
        ).split(separator: "\n") {
          #expect(MountOptions.words(String(line)).contains(seen), "\(line)")
        }
      }
    }

    @Test(arguments: [
      "sync", "async", "dirsync", "lazytime", "nolazytime", "mand", "nomand", "iversion", "noiversion", "silent",
      "loud", "acl", "noacl", "rsync", "rasync", "rdirsync", "rmand", "rnomand",
    ])
    func theWordIsTakenByEveryKindOfMount(_ word: String) throws {
      try withBundle { bundle throws in
        bundle.mount("/data", type: "bind", from: bundle.workspace, "bind", word)
        bundle.mount("/new", type: "tmpfs", from: "tmpfs", word)
        bundle.mount("/sys", type: "sysfs", from: "sysfs", word)
        try bundle.expect("echo done", prints: "done")
      }
    }

    @Test(arguments: ["sync", "dirsync", "lazytime"])
    func theFileSystemHasTheFlag(_ word: String) throws {
      try withBundle { bundle throws in
        bundle.mount("/new", type: "tmpfs", from: "tmpfs", word)
        #expect(MountOptions.words(try bundle.output(of: MountInfo.superOptions(of: "/new"))).contains(word))
      }
    }

    @Test func noSymlinkIsFollowedWhereThatIsForbidden() throws {
      try withBundle { bundle throws in
        try Files.write("x", to: bundle.workspace + "/file")
        try Files.makeLink(bundle.workspace + "/link", to: "file")
        bundle.mount("/data", type: "bind", from: bundle.workspace, "bind", "nosymfollow")
        try bundle.expect("cat /data/link 2>/dev/null || echo refused", prints: "refused")
      }
    }

    // MARK: propagation

    @Test(
      arguments: [("shared", "shared"), ("slave", "master"), ("private", "-"), ("unbindable", "unbindable")],
      [false, true])
    func theRecursiveFormReachesTheMountsBelow(_ option: (String, String), _ recursive: Bool) throws {
      try withBundle { bundle throws in
        try MountOptions.withTree(bundle) { tree throws in
          for path in [tree, tree + "/below"] { try #require(mount("", path, "", UInt(MS_SHARED), nil) == 0) }
          bundle.mount("/data", type: "bind", from: tree, "rbind", (recursive ? "r" : "") + option.0)
          let script = "awk '$5 ~ \"^/data\" { sub(/:.*/, \"\", $7); print $5, $7 }' /proc/self/mountinfo"
          // Below, without the recursive form, stays what it is: the host's slave.
          try bundle.expect(
            script, prints: "/data \(option.1)\n/data/below \(recursive ? option.1 : "master")")
        }
      }
    }

    // MARK: remount

    @Test func aRemountChangesWhatItNamesAndNoMore() throws {
      try withBundle { bundle throws in
        bundle.mount("/data", type: "tmpfs", from: "tmpfs", "nosuid", "size=64k")
        bundle.mount("/data", type: "tmpfs", from: "tmpfs", "remount", "noexec")
        let lines = try bundle.output(
          of: MountInfo.options(of: "/data") + "; " + MountInfo.superOptions(of: "/data")
        )
        .split(separator: "\n").map { MountOptions.words(String($0)) }
        #expect(lines[0].isSuperset(of: ["rw", "nosuid", "noexec"]))
        #expect(lines[1].contains("size=64k"))
      }
    }

    @Test func aRemountChangesDataOfTheFileSystem() throws {
      try withBundle { bundle throws in
        bundle.mount("/data", type: "tmpfs", from: "tmpfs", "size=64k")
        bundle.mount("/data", type: "tmpfs", from: "tmpfs", "remount", "size=128k")
        #expect(MountOptions.words(try bundle.output(of: MountInfo.superOptions(of: "/data"))).contains("size=128k"))
      }
    }

    @Test func aRemountReachesTheMountsBelowWithRecursiveWords() throws {
      try withBundle { bundle throws in
        try MountOptions.withTree(bundle) { tree throws in
          bundle.mount("/data", type: "bind", from: tree, "rbind")
          bundle.mount("/data", "remount", "rro")
          try bundle.expect(
            "touch /data/x 2>/dev/null || echo refused; touch /data/below/x 2>/dev/null || echo refused",
            prints: "refused\nrefused")
        }
      }
    }

    @Test func aRemountOfWhatIsNoMountIsRefused() throws {
      try withBundle { bundle throws in
        bundle.mount("/etc", "remount", "ro")
        bundle.expectRefused(try bundle.tryCreate(), "create", ["mount #1", "/etc", "remount", "invalid argument"])
      }
    }

    // MARK: data

    @Test func unknownWordsAreTheFileSystems() throws {
      try withBundle { bundle throws in
        bundle.mount(
          "/data", type: "tmpfs", from: "tmpfs", "mode=2770", "uid=1000", "gid=2000", "nr_inodes=10", "size=1m")
        try bundle.expect(
          "stat -c '%a %u %g' /data; stat -f -c '%c' /data", prints: "2770 1000 2000\n10")
      }
    }

    @Test func aBindHasNoFileSystemThatCouldKnowAWord() throws {
      try withBundle { bundle throws in
        bundle.mount("/data", type: "bind", from: bundle.workspace, "bind", "size=1k", "nope")
        bundle.arguments = ["touch", "/data/there"]
        let outcome = try bundle.run()
        #expect(outcome.status == 0 && outcome.errors.isEmpty, "\(outcome)")
        #expect(Files.exists(bundle.workspace + "/there"))
      }
    }

    @Test(.enabled(if: Machine.hasFileSystem("overlay"), "needs overlay"))
    func anOverlayMayHaveMoreLayersThanAnOptionHasBytes() throws {
      try withBundle { bundle throws in
        let layers = (0..<20).map { bundle.workspace + "/a-layer-with-a-long-name-\($0)" }
        for (index, layer) in layers.enumerated() {
          try Files.makeDirectory(layer)
          try Files.write("x", to: layer + "/file\(index)")
        }
        for name in ["upper", "work"] { try Files.makeDirectory(bundle.workspace + "/" + name) }
        let lower = "lowerdir=" + layers.joined(separator: ":")
        #expect(lower.utf8.count > 800)
        bundle.mount(
          "/data", type: "overlay", from: "overlay", lower, "upperdir=\(bundle.workspace)/upper",
          "workdir=\(bundle.workspace)/work", "nosuid", "noatime", "sync")
        try bundle.expect(
          "ls /data | wc -l; touch /data/new; \(MountInfo.options(of: "/data"))", prints: "20\nrw,nosuid,noatime")
        #expect(Files.exists(bundle.workspace + "/upper/new"))
      }
    }

    /// A file system on a disk that cannot be written.
    private static func withReadOnlyDisk(_ body: (String) throws -> Void) throws {
      let image = Scratch.directory + "/" + Scratch.name("image")
      try #require(try host("truncate", "-s", "4M", image).status == 0)
      try #require(try host("mkfs.ext4", "-q", image).status == 0)
      let disk = try host("losetup", "--find", "--show", "--read-only", image)
      try #require(disk.status == 0, "\(disk)")
      defer { _ = try? host("losetup", "--detach", disk.line) }
      try body(disk.line)
    }

    @Test(.enabled(if: Machine.has("mkfs.ext4") && Files.exists("/dev/loop-control"), "needs loop devices"))
    func aDiskThatCannotBeWrittenIsMountedReadOnly() throws {
      try withBundle { bundle throws in
        try MountOptions.withReadOnlyDisk { disk throws in
          // The device rules of the container hold for what mounts into it, too.
          bundle.config["linux"]["resources"] = ["devices": [["allow": true, "type": "b", "access": "rwm"]]]
          bundle.mount("/data", type: "ext4", from: disk, "ro")
          try bundle.expect("ls /data; touch /data/x 2>/dev/null || echo refused", prints: "lost+found\nrefused")
        }
      }
    }

    // MARK: tmpcopyup

    @Test func tmpcopyupKeepsLinksOwnersTimesAndModes() throws {
      try withBundle { bundle throws in
        let source = bundle.rootfs + "/etc/tree"
        try Files.makeDirectory(source, mode: 0o2751)
        try Files.makeDirectory(source + "/sub", mode: 0o700)
        try Files.write("deep", to: source + "/sub/file", mode: 0o4755)
        try Files.makeLink(source + "/link", to: "sub/file")
        #expect(lchown(source + "/sub/file", 5, 6) == 0 && chmod(source + "/sub/file", 0o4755) == 0)
        #expect(mkfifo(source + "/fifo", 0o600) == 0)
        let script = "cd /etc/tree; stat -c '%n %a %u %g %F' sub sub/file fifo; readlink link; cat link"
        bundle.mount("/etc/tree", type: "tmpfs", from: "tmpfs", "tmpcopyup", "mode=751")
        try bundle.expect(
          script,
          prints: "sub 700 0 0 directory\nsub/file 4755 5 6 regular file\nfifo 600 0 0 fifo\nsub/file\ndeep")
      }
    }

    @Test func tmpcopyupOfAMissingDirectoryIsEmpty() throws {
      try withBundle { bundle throws in
        bundle.mount("/new", type: "tmpfs", from: "tmpfs", "tmpcopyup", "ro")
        try bundle.expect("ls /new | wc -l; touch /new/x 2>/dev/null || echo refused", prints: "0\nrefused")
      }
    }

    // MARK: idmap

    private static func mapped(_ bundle: Bundle, _ source: String, _ options: String...) {
      bundle.config["mounts"].append([
        "destination": "/data", "type": "bind", "source": .string(source), "options": JSON(options),
        "uidMappings": [["containerID": 0, "hostID": 1000, "size": 100]],
        "gidMappings": [["containerID": 0, "hostID": 2000, "size": 100]],
      ])
    }

    /// Whose a file of user and group 7 is in the container, and one in what is mounted below.
    private static func expectOwners(_ seen: String, mounting: (Bundle, String) -> Void) throws {
      try withBundle { bundle throws in
        try MountOptions.withTree(bundle) { tree throws in
          for path in [tree + "/file", tree + "/below/file"] {
            try Files.write("x", to: path)
            #expect(chown(path, 7, 7) == 0)
          }
          mounting(bundle, tree)
          try bundle.expect("echo $(stat -c %u:%g /data/file /data/below/file)", prints: seen)
        }
      }
    }

    @Test(arguments: [("idmap", "1007:2007 7:7"), ("ridmap", "1007:2007 1007:2007")])
    func anIdMapReachesAsFarAsItsWordSays(_ word: String, _ seen: String) throws {
      try MountOptions.expectOwners(seen) { bundle, tree in MountOptions.mapped(bundle, tree, "rbind", word) }
    }

    /// What is 0 in the file system shows as 1000, which therefore is the one that may write there.
    @Test(.enabled(if: Machine.hasLinux(6, 3), "needs Linux 6.3"), arguments: [false, true])
    func aNewFileSystemCanBeMappedToOtherIds(_ inOption: Bool) throws {
      try withBundle { bundle throws in
        var mount: JSON = [
          "destination": "/data", "type": "tmpfs", "source": "tmpfs", "options": ["mode=755", "idmap"],
        ]
        if inOption {
          mount["options"] = ["mode=755", "idmap=uids=0-1000-10;gids=0-2000-10"]
        } else {
          mount["uidMappings"] = [["containerID": 0, "hostID": 1000, "size": 10]]
          mount["gidMappings"] = [["containerID": 0, "hostID": 2000, "size": 10]]
        }
        bundle.config["mounts"].append(mount)
        bundle.config["process"]["user"] = ["uid": 1000, "gid": 2000]
        try bundle.expect("touch /data/file; echo $(stat -c %u:%g /data /data/file)", prints: "1000:2000 1000:2000")
      }
    }

    @Test(arguments: ["mqueue", "proc"]) func aFileSystemThatKnowsNoOtherIdsIsRefused(_ type: String) throws {
      try withBundle { bundle throws in
        bundle.mount("/data", type: type, from: type, "idmap=uids=0-1000-10;gids=0-2000-10")
        bundle.expectRefused(try bundle.tryCreate(), "create", ["/data", "idmap of " + type, "Invalid argument"])
      }
    }

    @Test(arguments: [["remount", "bind"], ["remount"]]) func whatIsMountedAlreadyGetsNoOtherIds(_ words: [String])
      throws
    {
      try withBundle { bundle throws in
        MountOptions.mapped(bundle, "/", words[0], words.last!, "idmap")
        bundle.expectRefused(try bundle.tryCreate(), "create", ["mounts[", "only a bind or a new file system"])
      }
    }

    @Test(arguments: [
      ("idmap=uids=0-1000-10;gids=0-2000-10", "1007:2007 7:7"),
      ("ridmap=gids=0-2000-10;uids=0-1000-10", "1007:2007 1007:2007"),
      ("idmap=uids=0-1000-7#7-50-1#8-60-1;gids=7-0-1", "50:0 7:7"),
    ])
    func anOptionMayHaveTheIdMaps(_ option: String, _ seen: String) throws {
      try MountOptions.expectOwners(seen) { bundle, tree in
        bundle.mount("/data", type: "bind", from: tree, "rbind", option)
      }
    }

    @Test(
      .enabled(if: Machine.hasUserNamespaces, "needs user namespaces"),
      arguments: [
        // Ids of the host, of the container, and of both; the container's are in two ranges.
        ("idmap=uids=0-100005-10;gids=0-100006-10", "12:13"), ("idmap=uids=@0-5-10;gids=@0-6-10", "12:13"),
        ("idmap=uids=0-100001-7#@7-20-1;gids=@7-0-1", "20:0"),
      ])
    func anIdMapMayNameIdsOfTheContainer(_ option: String, _ seen: String) throws {
      try withBundle { bundle throws in
        bundle.mapIDs(to: 100000, size: 20)
        for kind in ["uidMappings", "gidMappings"] {
          bundle.config["linux"][kind].append(["containerID": 20, "hostID": 200000, "size": 100])
        }
        let source = "/var/tmp/apus-tests-\(getpid())-" + bundle.id
        try Files.makeDirectory(source)
        defer { Files.removeTree(source) }
        try Files.write("x", to: source + "/file")
        #expect(chown(source + "/file", 7, 7) == 0)
        bundle.mount("/data", type: "bind", from: source, "bind", option)
        try bundle.expect("stat -c %u:%g /data/file", prints: seen)
      }
    }

    @Test(arguments: [
      ("idmap=", "FILE-HOST-COUNT"), ("idmap=uids=0-1000-1", "FILE-HOST-COUNT"),
      ("idmap=uids=0-1000;gids=0-1000-1", "FILE-HOST-COUNT"), ("idmap=nobody", "FILE-HOST-COUNT"),
      ("ridmap=uids=0-4294967296-1;gids=0-0-1", "FILE-HOST-COUNT"),
      ("idmap=uids=0-1000-1#;gids=0-1000-1", "FILE-HOST-COUNT"),
      ("idmap=uids=@0-1000-1;gids=0-1000-1", "the container has no id 1000"),
    ])
    func anIdMapThatCannotBeReadIsRefused(_ option: String, _ reason: String) throws {
      try withBundle { bundle throws in
        bundle.mount("/data", type: "bind", from: bundle.workspace, "bind", option)
        bundle.expectRefused(try bundle.tryCreate(), "create", [reason])
      }
    }

    @Test func filesThatAreMadeInAnIdMappedMountBelongToTheUnmappedUser() throws {
      try withBundle { bundle throws in
        MountOptions.mapped(bundle, bundle.workspace, "bind")
        #expect(chown(bundle.workspace, 5, 5) == 0)
        bundle.config["process"]["user"] = ["uid": 1005, "gid": 2005]
        try bundle.expect("touch /data/new; stat -c %u /data/new", prints: "1005")
        var status = stat()
        #expect(stat(bundle.workspace + "/new", &status) == 0 && status.st_uid == 5 && status.st_gid == 5)
      }
    }

    @Test(.enabled(if: Machine.hasUserNamespaces, "needs user namespaces"))
    func withoutMapsOfItsOwnAMountHasTheContainers() throws {
      try withBundle { bundle throws in
        bundle.mapIDs(to: 100000)
        let source = "/var/tmp/apus-tests-\(getpid())-" + bundle.id
        try Files.makeDirectory(source)
        defer { Files.removeTree(source) }
        try Files.write("x", to: source + "/file")
        bundle.mount("/data", type: "bind", from: source, "bind", "idmap")
        try bundle.expect("stat -c %u:%g /data/file; echo y > /data/file; cat /data/file", prints: "0:0\ny")
      }
    }

    /// What lies on an overlay, or on a file system of the kernel's own.
    @Test(arguments: ["overlay", "proc"])
    func aFileSystemThatCannotBeMappedIsRefused(_ type: String) throws {
      try withBundle { bundle throws in
        let source = bundle.workspace + "/source"
        for name in ["source", "lower"] { try Files.makeDirectory(bundle.workspace + "/" + name) }
        try #require(
          try host(
            "mount", "-t", type, type, source, "-o",
            type == "proc" ? "ro" : "lowerdir=\(bundle.workspace)/lower:\(source)"
          )
          .status == 0)
        defer { umount2(source, Int32(MNT_DETACH)) }
        MountOptions.mapped(bundle, source, "bind")
        bundle.expectRefused(
          try bundle.tryCreate(), "create",
          ["/data", "mount_setattr: Invalid argument; its file system cannot show other owners"],
          mounts: [source])
      }
    }

    @Test func anIdMapWithoutMapsIsRefused() throws {
      try withBundle { bundle throws in
        bundle.mount("/data", type: "bind", from: bundle.workspace, "bind", "idmap")
        bundle.expectRefused(try bundle.tryCreate(), "create", ["/data", "idmap", "uidMappings"])
      }
    }

    @Test func anIdMapOfAFileSystemInAUserNamespaceIsRefused() throws {
      try withBundle { bundle throws in
        bundle.mount("/data", type: "tmpfs", from: "tmpfs", "idmap")
        bundle.expectRefused(try bundle.tryCreate(), "create", ["mount #1 \"/data\"", "uidMappings"])
        bundle.mapIDs(to: 100_000)
        bundle.expectRefused(try bundle.tryCreate(), "create", ["mount #1 \"/data\"", "only a bind"])
      }
    }

    // MARK: kinds and places

    @Test func aFifoIsBound() throws {
      try withBundle { bundle throws in
        #expect(mkfifo(bundle.workspace + "/fifo", 0o600) == 0)
        bundle.mount("/run/fifo", type: "bind", from: bundle.workspace + "/fifo", "bind")
        try bundle.expect("stat -c %F /run/fifo", prints: "fifo")
      }
    }

    @Test func aBoundDeviceWorksUnlessDevicesAreOff() throws {
      try withBundle { bundle throws in
        bundle.mount("/one", type: "bind", from: "/dev/zero", "bind")
        bundle.mount("/two", type: "bind", from: "/dev/zero", "bind", "nodev")
        try bundle.expect(
          "head -c 3 /one | wc -c; head -c 3 /two 2>/dev/null | wc -c", prints: "3\n0")
      }
    }

    @Test func aTargetThatIsALinkLeadsInsideTheRoot() throws {
      try withBundle { bundle throws in
        try Files.makeLink(bundle.rootfs + "/link", to: "/../../../../tmp/target")
        bundle.mount("/link/sub", type: "tmpfs", from: "tmpfs")
        try bundle.expect("awk '$5 ~ \"sub$\" { print $5 }' /proc/self/mountinfo", prints: "/tmp/target/sub")
        #expect(!Files.exists("/tmp/target"))
      }
    }

    @Test(arguments: [[], ["tmpcopyup"]])
    func aTmpfsHasTheModeOfTheDirectoryItCovers(_ options: [String]) throws {
      try withBundle { bundle throws in
        try Files.makeDirectory(bundle.rootfs + "/etc/mine", mode: 0o2750)
        for path in ["/etc/mine", "/etc/new"] {
          bundle.config["mounts"].append([
            "destination": .string(path), "type": "tmpfs", "source": "tmpfs", "options": JSON(options),
          ])
        }
        try bundle.expect("stat -c %a /etc/mine /etc/new", prints: "2750\n1777")
      }
    }

    @Test func aThousandBindsAreMade() throws {
      try withBundle { bundle throws in
        bundle.mount("/data", type: "tmpfs", from: "tmpfs")
        for index in 0..<1000 { bundle.mount("/data/\(index)", type: "bind", from: bundle.workspace, "bind", "ro") }
        try bundle.expect("grep -c ' /data/' /proc/self/mountinfo", prints: "1000")
      }
    }
  }
}

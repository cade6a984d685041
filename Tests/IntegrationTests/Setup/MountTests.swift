import Foundation
import Testing

extension Integration {
  /// The root file system and what is mounted into it, seen from inside.
  @Suite struct Mounts {
    /// Its propagation: `shared:N`, `master:N`, or nothing.
    private static func propagation(of path: String) -> String {
      "awk '$5 == \"\(path)\" { line = $7 } END { sub(/:.*/, \"\", line); sub(/-/, \"private\", line); print line }' "
        + "/proc/self/mountinfo"
    }

    // MARK: root

    @Test func theRootIsTheBundlesAndNothingOfTheHostIsSeen() throws {
      try withBundle { bundle throws in
        try Files.write("here", to: bundle.rootfs + "/etc/mark")
        let inside = try bundle.output(of: "cat /etc/mark; grep -c . /proc/self/mountinfo; ls /")
        #expect(inside == "here2\nbin\ndev\netc\nproc\nroot\nsys\ntmp")
      }
    }

    @Test(arguments: [[], ["--no-pivot"]])
    func thereIsNoWayUpFromTheRoot(_ flags: [String]) throws {
      try withBundle { bundle throws in
        bundle.arguments = ["sh", "-c", "cd ../../../..; pwd; ls -id . / | cut -d' ' -f1 | sort -u | wc -l"]
        try bundle.writeConfig()
        let run = try bundle.begin(["run", "-b", bundle.directory] + flags + [bundle.id]).finish()
        #expect(run.output == "/\n1\n", "\(run)")
      }
    }

    @Test func theRootFileSystemMayBeNamedAbsolutely() throws {
      try withBundle { bundle throws in
        try bundle.makeRootfs(bundle.directory + "/elsewhere")
        bundle.config["root"]["path"] = .string(bundle.directory + "/elsewhere")
        try bundle.expect("touch /mark; echo done", prints: "done")
        #expect(Files.exists(bundle.directory + "/elsewhere/mark"))
      }
    }

    @Test(arguments: [[], ["--no-pivot"]])
    func aReadOnlyRootCannotBeWritten(_ flags: [String]) throws {
      try withBundle { bundle throws in
        bundle.config["root"]["readonly"] = true
        bundle.arguments = ["sh", "-c", "touch /mark 2>/dev/null || echo refused"]
        try bundle.writeConfig()
        let run = try bundle.begin(["run", "-b", bundle.directory] + flags + [bundle.id]).finish()
        #expect(run.output == "refused\n", "\(run)")
        #expect(!Files.exists(bundle.rootfs + "/mark"))
      }
    }

    @Test func aReadOnlyRootTakesMountsWhoseTargetsAreMissing() throws {
      try withBundle { bundle throws in
        bundle.config["root"]["readonly"] = true
        bundle.mount("/deep/below", type: "tmpfs", from: "tmpfs")
        try bundle.expect(
          "touch /deep/below/mark && echo written; touch /no 2>/dev/null || echo refused", prints: "written\nrefused")
      }
    }

    @Test(arguments: [
      ("private", "private"), ("rprivate", "private"), ("slave", "master"), ("rslave", "master"), ("shared", "shared"),
      ("rshared", "shared"), ("unbindable", "unbindable"), ("runbindable", "unbindable"),
    ])
    func theRootsPropagationIs(_ value: String, _ seen: String) throws {
      try withBundle { bundle throws in
        // A shared mount around the bundle: being somebody's slave needs a master.
        try #require(mount(bundle.directory, bundle.directory, "", UInt(MS_BIND), nil) == 0)
        defer { umount2(bundle.directory, Int32(MNT_DETACH)) }
        try #require(mount("", bundle.directory, "", UInt(MS_SHARED), nil) == 0)
        bundle.config["linux"]["rootfsPropagation"] = .string(value)
        try bundle.expect(Mounts.propagation(of: "/"), prints: seen)
      }
    }

    @Test func mountsOfTheContainerDoNotReachTheHost() throws {
      try withBundle { bundle throws in
        bundle.config["process"]["capabilities"] = Processing.capabilities(["CAP_SYS_ADMIN"])
        try bundle.expect("mount -t tmpfs tmpfs /tmp && touch /tmp/mark && echo mounted", prints: "mounted")
        #expect(!Files.exists(bundle.rootfs + "/tmp/mark"))
        #expect(mounts(below: bundle.directory) == [])
      }
    }

    // MARK: bind

    @Test func aBindShowsTheHostsDirectory() throws {
      try withBundle { bundle throws in
        try Files.write("from outside", to: bundle.workspace + "/file")
        bundle.mount("/work", type: "bind", from: bundle.workspace, "bind")
        try bundle.expect("cat /work/file; echo from inside > /work/back", prints: "from outside")
        #expect(try Files.read(bundle.workspace + "/back") == "from inside\n")
      }
    }

    @Test func aBindWithoutATypeIsOne() throws {
      try withBundle { bundle throws in
        try Files.write("x", to: bundle.workspace + "/file")
        bundle.mount("/work", from: bundle.workspace, "rbind")
        try bundle.expect("ls /work", prints: "file")
      }
    }

    @Test func aRelativeSourceStartsAtTheBundle() throws {
      try withBundle { bundle throws in
        try Files.write("x", to: bundle.workspace + "/file")
        bundle.mount("/work", type: "bind", from: "work", "bind")
        try bundle.expect("ls /work", prints: "file")
      }
    }

    @Test(arguments: ["bind", "rbind"])
    func aReadOnlyBindCannotBeWritten(_ kind: String) throws {
      try withBundle { bundle throws in
        bundle.mount("/work", type: "bind", from: bundle.workspace, kind, "ro")
        try bundle.expect("touch /work/mark 2>/dev/null || echo refused", prints: "refused")
        #expect(Files.names(bundle.workspace) == [])
      }
    }

    @Test(arguments: [("bind", "absent"), ("rbind", "present")])
    func mountsBelowTheSourceAreWith(_ kind: String, _ expected: String) throws {
      try withBundle { bundle throws in
        let below = bundle.workspace + "/below"
        try Files.makeDirectory(below)
        try #require(mount("tmpfs", below, "tmpfs", 0, nil) == 0)
        defer { umount2(below, Int32(MNT_DETACH)) }
        try Files.write("x", to: below + "/mark")
        bundle.mount("/work", type: "bind", from: bundle.workspace, kind)
        try bundle.expect("test -e /work/below/mark && echo present || echo absent", prints: expected)
      }
    }

    @Test(arguments: [("ro", "written"), ("rro", "refused")])
    func aRecursiveBindMadeReadOnlyBy(_ option: String, _ below: String) throws {
      try withBundle { bundle throws in
        let directory = bundle.workspace + "/below"
        try Files.makeDirectory(directory)
        try #require(mount("tmpfs", directory, "tmpfs", 0, nil) == 0)
        defer { umount2(directory, Int32(MNT_DETACH)) }
        bundle.mount("/work", type: "bind", from: bundle.workspace, "rbind", option)
        let script =
          "touch /work/x 2>/dev/null || echo refused; touch /work/below/x 2>/dev/null && echo written || echo refused"
        try bundle.expect(script, prints: "refused\n" + below)
      }
    }

    @Test func aFileIsBoundToAFileThatIsMade() throws {
      try withBundle { bundle throws in
        try Files.write("contents", to: bundle.workspace + "/file")
        bundle.mount("/etc/deep/bound", type: "bind", from: bundle.workspace + "/file", "bind")
        try bundle.expect("cat /etc/deep/bound; stat -c %F /etc/deep/bound", prints: "contentsregular file")
      }
    }

    @Test func aSocketAndADeviceAreBound() throws {
      try withBundle { bundle throws in
        let listener = try Listener(bundle.workspace + "/socket")
        bundle.mount("/run/socket", type: "bind", from: listener.path, "bind")
        bundle.mount("/other/null", type: "bind", from: "/dev/null", "bind")
        try bundle.expect("stat -c %F /run/socket /other/null", prints: "socket\ncharacter special file")
      }
    }

    @Test func missingTargetsAreMade() throws {
      try withBundle { bundle throws in
        bundle.mount("/a/b/c", type: "tmpfs", from: "tmpfs")
        bundle.mount("/d/e", type: "bind", from: bundle.workspace, "bind")
        try bundle.expect("stat -c '%n %F' /a/b/c /d/e", prints: "/a/b/c directory\n/d/e directory")
      }
    }

    @Test func aRelativeDestinationStartsAtTheRoot() throws {
      try withBundle { bundle throws in
        try Files.write("x", to: bundle.workspace + "/file")
        bundle.mount("data", type: "bind", from: bundle.workspace, "bind")
        try bundle.expect("ls /data", prints: "file")
      }
    }

    @Test func mountsAreMadeInTheirOrder() throws {
      try withBundle { bundle throws in
        bundle.mount("/data", type: "tmpfs", from: "tmpfs")
        bundle.mount("/data/inner", type: "bind", from: bundle.workspace, "bind")
        try Files.write("x", to: bundle.workspace + "/file")
        try bundle.expect("ls /data /data/inner", prints: "/data:\ninner\n\n/data/inner:\nfile")
      }
    }

    @Test func aLaterMountCoversAnEarlierOne() throws {
      try withBundle { bundle throws in
        try Files.write("x", to: bundle.workspace + "/file")
        bundle.mount("/data", type: "bind", from: bundle.workspace, "bind")
        bundle.mount("/data", type: "tmpfs", from: "tmpfs")
        try bundle.expect("ls /data", prints: "")
      }
    }

    // MARK: options

    @Test(arguments: [
      ("ro", "ro"), ("nosuid", "nosuid"), ("nodev", "nodev"), ("noexec", "noexec"), ("noatime", "noatime"),
      ("relatime", "relatime"), ("nodiratime", "nodiratime"), ("nosymfollow", "nosymfollow"),
    ])
    func aBindHasTheFlag(_ option: String, _ seen: String) throws {
      try withBundle { bundle throws in
        bundle.mount("/work", type: "bind", from: bundle.workspace, "bind", option)
        let options = try bundle.output(of: MountInfo.options(of: "/work"))
        #expect(options.split(separator: ",").contains(Substring(seen)))
      }
    }

    @Test func aTmpfsHasItsSizeAndMode() throws {
      try withBundle { bundle throws in
        bundle.mount("/scratch", type: "tmpfs", from: "tmpfs", "nosuid", "nodev", "size=64k", "mode=1750")
        let lines = try bundle.output(
          of: "stat -c %a /scratch; \(MountInfo.options(of: "/scratch")); \(MountInfo.superOptions(of: "/scratch"))"
        ).split(separator: "\n")
        #expect(lines.first == "1750")
        #expect(lines[1].split(separator: ",").contains("nosuid"))
        #expect(lines[1].split(separator: ",").contains("nodev"))
        #expect(lines[2].contains("size=64k"))
      }
    }

    @Test func aFullTmpfsIsFull() throws {
      try withBundle { bundle throws in
        bundle.mount("/scratch", type: "tmpfs", from: "tmpfs", "size=64k")
        try bundle.expect(
          "dd if=/dev/zero of=/scratch/x bs=1k count=100 2>/dev/null || wc -c < /scratch/x", prints: "65536")
      }
    }

    @Test func aReadOnlyTmpfsIsReadOnlyAndHoldsLaterMounts() throws {
      try withBundle { bundle throws in
        bundle.mount("/scratch", type: "tmpfs", from: "tmpfs", "ro")
        bundle.mount("/scratch/inner", type: "tmpfs", from: "tmpfs")
        try bundle.expect(
          "touch /scratch/x 2>/dev/null || echo refused; touch /scratch/inner/x && echo written",
          prints: "refused\nwritten")
      }
    }

    @Test func aTmpfsThatCopiesUpHasTheImagesFiles() throws {
      try withBundle { bundle throws in
        try Files.write("from the image", to: bundle.rootfs + "/etc/mark", mode: 0o640)
        bundle.mount("/etc", type: "tmpfs", from: "tmpfs", "tmpcopyup")
        try bundle.expect("cat /etc/mark; stat -c %a /etc/mark; touch /etc/new; echo", prints: "from the image640")
        #expect(!Files.exists(bundle.rootfs + "/etc/new"))
      }
    }

    @Test(arguments: ["private", "rprivate", "slave", "rslave", "shared", "rshared", "unbindable", "runbindable"])
    func aBindHasThePropagation(_ option: String) throws {
      try withBundle { bundle throws in
        let source = bundle.workspace
        try #require(mount(source, source, "", UInt(MS_BIND), nil) == 0)
        defer { umount2(source, Int32(MNT_DETACH)) }
        try #require(mount("", source, "", UInt(MS_SHARED), nil) == 0)
        bundle.mount("/work", type: "bind", from: source, "bind", option)
        let name = option.hasPrefix("r") ? String(option.dropFirst()) : option
        try bundle.expect(Mounts.propagation(of: "/work"), prints: (name == "slave" ? "master" : name))
      }
    }

    @Test func aMountOfTheHostReachesASlave() throws {
      try withBundle { bundle throws in
        let source = bundle.workspace
        try #require(mount(source, source, "", UInt(MS_BIND), nil) == 0)
        defer { umount2(source, Int32(MNT_DETACH)) }
        try #require(mount("", source, "", UInt(MS_SHARED), nil) == 0)
        try Files.makeDirectory(source + "/below")
        bundle.mount("/work", type: "bind", from: source, "rbind", "rslave")
        try bundle.launch("sh", "-c", "until test -e /work/below/mark; do true; done; echo seen > /seen; sleep 1000")
        try #require(mount("tmpfs", source + "/below", "tmpfs", 0, nil) == 0)
        defer { umount2(source + "/below", Int32(MNT_DETACH)) }
        try Files.write("x", to: source + "/below/mark")
        #expect(waitUntil { Files.exists(bundle.rootfs + "/seen") })
      }
    }

    @Test(arguments: [
      ("rshared", "rshared", true), ("rshared", "rslave", false), ("rshared", "rprivate", false),
      ("slave", "rshared", true), ("private", "rshared", true), ("rslave", "rshared", false),
      ("rprivate", "rshared", false),
    ])
    func aMountOfTheContainerReachesTheHostThroughASharedBindUnlessAllAreCutOff(
      _ root: String, _ option: String, reaches: Bool
    ) throws {
      try withBundle { bundle throws in
        // Bundle and source lie on shared mounts, as everything does where systemd is.
        for directory in [bundle.directory, bundle.workspace] {
          try #require(mount(directory, directory, "", UInt(MS_BIND | MS_REC), nil) == 0)
          try #require(mount("", directory, "", UInt(MS_SHARED), nil) == 0)
        }
        defer { for directory in [bundle.workspace, bundle.directory] { umount2(directory, Int32(MNT_DETACH)) } }
        let below = bundle.workspace + "/below"
        try Files.makeDirectory(below)
        bundle.config["linux"]["rootfsPropagation"] = .string(root)
        bundle.config["process"]["capabilities"] = Processing.capabilities(["CAP_SYS_ADMIN"])
        bundle.mount("/work", type: "bind", from: bundle.workspace, "rbind", option)
        bundle.mount("/scratch", type: "tmpfs", from: "tmpfs")
        try bundle.expect(
          "mount -t tmpfs tmpfs /work/below && touch /work/below/mark && mount -t tmpfs tmpfs /tmp && echo mounted",
          prints: "mounted")
        defer { umount2(below, Int32(MNT_DETACH)) }
        #expect(Files.exists(below + "/mark") == reaches)
        #expect(mounts(below: bundle.rootfs) == [])
      }
    }

    // MARK: kernel file systems

    @Test func procAndSysfsHaveTheirFlags() throws {
      try withBundle { bundle throws in
        bundle.config["mounts"] = [
          ["destination": "/proc", "type": "proc", "source": "proc", "options": ["nosuid", "noexec", "nodev"]]
        ]
        bundle.mount("/sys", type: "sysfs", from: "sysfs", "nosuid", "noexec", "nodev", "ro")
        let lines = try bundle.output(of: MountInfo.options(of: "/proc") + ";" + MountInfo.options(of: "/sys")).split(
          separator: "\n")
        #expect(lines[0].hasPrefix("rw,nosuid,nodev,noexec"))
        #expect(lines[1].hasPrefix("ro,nosuid,nodev,noexec"))
      }
    }

    @Test(.enabled(if: Machine.hasFileSystem("mqueue"), "needs mqueue"))
    func aMessageQueueFileSystemBelongsToTheContainersIpcNamespace() throws {
      try withBundle { bundle throws in
        bundle.mount("/dev/mqueue", type: "mqueue", from: "mqueue", "nosuid", "noexec", "nodev")
        try bundle.expect("stat -f -c %t /dev/mqueue; ls /dev/mqueue | wc -l", prints: "19800202\n0")
      }
    }

    @Test(.enabled(if: Machine.hasFileSystem("overlay"), "needs overlay"))
    func anOverlayJoinsItsLayers() throws {
      try withBundle { bundle throws in
        for name in ["lower", "upper", "work"] { try Files.makeDirectory(bundle.workspace + "/" + name) }
        try Files.write("lower", to: bundle.workspace + "/lower/file")
        let work = bundle.workspace
        bundle.mount(
          "/data", type: "overlay", from: "overlay", "lowerdir=\(work)/lower", "upperdir=\(work)/upper",
          "workdir=\(work)/work")
        try bundle.expect("cat /data/file; echo upper > /data/file", prints: "lower")
        #expect(try Files.read(work + "/upper/file") == "upper\n")
        #expect(try Files.read(work + "/lower/file") == "lower")
      }
    }

    @Test(.enabled(if: Hierarchies.directory("memory") != nil, "needs the v1 memory controller"))
    func theCgroupMountShowsTheContainersOwnCgroup() throws {
      try withBundle { bundle throws in
        bundle.mount("/sys/fs/cgroup", type: "cgroup", from: "cgroup", "ro", "nosuid", "noexec", "nodev")
        let lines = try bundle.output(
          of:
            "cat /proc/self/cgroup | grep :memory:; cat /sys/fs/cgroup/memory/tasks | head -n 1; \(MountInfo.options(of: "/sys/fs/cgroup/memory"))"
        ).split(separator: "\n")
        #expect(lines[0].hasSuffix(":/"))
        #expect(lines[1] == "1")
        #expect(lines[2].hasPrefix("ro,nosuid,nodev,noexec"))
      }
    }

    @Test(.enabled(if: Hierarchies.directory("memory") != nil, "needs the v1 memory controller"))
    func theCgroupMountShowsTheOwnCgroupWithoutANamespaceToo() throws {
      try withBundle { bundle throws in
        bundle.namespace("cgroup")
        bundle.mount("/sys/fs/cgroup", type: "cgroup", from: "cgroup", "ro")
        let lines = try bundle.output(
          of: "grep :memory: /proc/self/cgroup; head -n 1 /sys/fs/cgroup/memory/tasks"
        ).split(separator: "\n")
        #expect(lines[0].hasSuffix(":" + bundle.cgroupsPath))
        #expect(lines[1] == "1")
      }
    }

    @Test func anIdMappedMountShowsMappedOwners() throws {
      try withBundle { bundle throws in
        try Files.write("x", to: bundle.workspace + "/file")
        try #require(chown(bundle.workspace + "/file", 7, 7) == 0)
        bundle.mount("/work", type: "bind", from: bundle.workspace, "bind", "idmap")
        let index = bundle.config["mounts"].elements.count - 1
        bundle.config["mounts"][index]["uidMappings"] = [["containerID": 0, "hostID": 1000, "size": 100]]
        bundle.config["mounts"][index]["gidMappings"] = [["containerID": 0, "hostID": 2000, "size": 100]]
        try bundle.expect("stat -c %u:%g /work/file", prints: "1007:2007")
      }
    }

    // MARK: masks

    @Test func aMaskedFileIsEmptyAndAMaskedDirectoryToo() throws {
      try withBundle { bundle throws in
        try Files.write("secret", to: bundle.rootfs + "/etc/secret")
        try Files.makeDirectory(bundle.rootfs + "/etc/secrets")
        try Files.write("secret", to: bundle.rootfs + "/etc/secrets/one")
        bundle.config["linux"]["maskedPaths"] = ["/etc/secret", "/etc/secrets", "/etc/missing", "/proc/version"]
        let script = """
          wc -c < /etc/secret; ls /etc/secrets | wc -l; touch /etc/secrets/x 2>/dev/null || echo refused
          wc -c < /proc/version; test -e /etc/missing || echo missing
          """
        try bundle.expect(script, prints: "0\n0\nrefused\n0\nmissing")
      }
    }

    @Test func aMountBelowAReadOnlyPathIsAsItWasAskedFor() throws {
      try withBundle { bundle throws in
        bundle.mount("/etc/fixed/own", type: "tmpfs", from: "tmpfs", "rw")
        bundle.config["linux"]["readonlyPaths"] = ["/etc/fixed"]
        try bundle.expect(
          "touch /etc/fixed/own/file && echo written; touch /etc/fixed/file 2>/dev/null || echo refused",
          prints: "written\nrefused")
      }
    }

    @Test func aReadOnlyPathCanBeReadOnly() throws {
      try withBundle { bundle throws in
        try Files.makeDirectory(bundle.rootfs + "/etc/fixed")
        try Files.write("x", to: bundle.rootfs + "/etc/fixed/file")
        bundle.config["linux"]["readonlyPaths"] = ["/etc/fixed", "/etc/missing", "/proc/sys"]
        let script = """
          cat /etc/fixed/file; touch /etc/fixed/file /etc/fixed/new 2>/dev/null || echo " refused"
          echo x 2>/dev/null > /proc/sys/kernel/domainname || echo refused
          """
        try bundle.expect(script, prints: "x refused\nrefused")
      }
    }
  }
}

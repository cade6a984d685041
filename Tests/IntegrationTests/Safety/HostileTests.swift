import CTestSupport
import Foundation
import Testing

extension Integration {
  /// Root file systems and processes that want to get out. The rules are those of docs/architecture.md, "Safety rules".
  ///
  /// Each test plays an attack on what a runtime does, and shows by doing the careless thing itself, or by what the
  /// container sees when nobody attacks, that the attack is one.
  @Suite struct Hostile {
    // MARK: 1: paths below the root

    /// Exchanges two entries of a directory as fast as it can: what was looked at is not what is used.
    private final class Exchanger: @unchecked Sendable {
      private let lock = NSLock()
      private let ended = DispatchSemaphore(value: 0)
      private var isStopped = false

      init(_ one: String, _ other: String) {
        Thread.detachNewThread { [self] in
          while !lock.withLock({ isStopped }) { ct_exchange(one, other) }
          ended.signal()
        }
      }

      func stop() {
        lock.withLock { isStopped = true }
        ended.wait()
      }
    }

    /// CVE-2021-30465: a volume that another container changes while mounts are made in it.
    @Test func aTargetThatIsExchangedForALinkLeadsNowhereElse() throws {
      try withBundle { bundle throws in
        let outside = bundle.workspace + "/outside"
        let volume = bundle.workspace + "/volume"
        for path in [outside, volume, volume + "/target"] { try Files.makeDirectory(path) }
        try Files.makeLink(volume + "/link", to: outside)
        let exchanger = Exchanger(volume + "/target", volume + "/link")
        defer { exchanger.stop() }

        // A look and a use by path, as a careless runtime has them, are fooled soon.
        var entry = stat()
        let isFooled = waitUntil {
          guard lstat(volume + "/target", &entry) == 0, entry.st_mode & S_IFMT == S_IFDIR else { return false }
          mkdir(volume + "/target/careless", 0o755)
          return Files.exists(outside + "/careless")
        }
        try #require(isFooled)
        rmdir(outside + "/careless")

        bundle.mount("/volume", type: "bind", from: volume, "bind")
        bundle.mount("/volume/target/made", type: "tmpfs", from: "tmpfs")
        bundle.mount("/volume/target", type: "tmpfs", from: "tmpfs")
        bundle.arguments = ["sh", "-c", "touch /volume/target/mine; grep -c ' - tmpfs ' /proc/self/mountinfo"]
        for _ in 0..<20 {
          let run = try bundle.run()
          // Where the link leads inside the root there is nothing, or what an earlier round has made.
          #expect(run.status == 0 ? run.line == "2" : run.errors.contains("mount #"), "\(run)")
          #expect(Files.names(outside) == [])
          if Files.names(outside) != [] { break }
        }
      }
    }

    @Test(arguments: ["/../../../../../../OUT", "/a/../../../../../../../OUT", "/up/OUT"])
    func aTargetThatClimbsStaysInside(_ form: String) throws {
      try withBundle { bundle throws in
        let outside = bundle.workspace + "/outside"
        try Files.makeDirectory(outside)
        try Files.makeDirectory(bundle.rootfs + "/a")
        try Files.makeLink(bundle.rootfs + "/up", to: "../../../../../../../..")
        let path = form.replacingOccurrences(of: "/OUT", with: outside + "/made")
        // The plain path leads out.
        #expect(mkdir(bundle.rootfs + path, 0o755) == 0 && rmdir(outside + "/made") == 0)
        bundle.mount(path, type: "tmpfs", from: "tmpfs")
        try bundle.expect("test -d \(outside)/made && echo inside", prints: "inside")
        #expect(Files.names(outside) == [])
      }
    }

    @Test(arguments: ["dev", "etc", "dev/pts", "srv"])
    func aDirectoryThatIsALinkLeadsInside(_ name: String) throws {
      try withBundle { bundle throws in
        let outside = bundle.workspace + "/outside"
        try Files.makeDirectory(outside)
        Files.removeTree(bundle.rootfs + "/" + name)
        try Files.makeLink(bundle.rootfs + "/" + name, to: outside)
        bundle.mount("/dev/pts", type: "devpts", from: "devpts", "newinstance", "ptmxmode=0666")
        bundle.mount("/etc/hosts", type: "bind", from: "/etc/hosts", "bind", "ro")
        bundle.mount("/srv/deep/er", type: "tmpfs", from: "tmpfs")
        try bundle.expect("test -c /dev/null && test -f /etc/hosts && echo made", prints: "made")
        #expect(Files.names(outside) == [])
      }
    }

    /// A fifo that is opened without care waits for ever; a device may do anything.
    @Test func whatIsCopiedUpIsNotWaitedFor() throws {
      try withBundle { bundle throws in
        try Files.makeDirectory(bundle.rootfs + "/data")
        try #require(mkfifo(bundle.rootfs + "/data/fifo", 0o644) == 0)
        try Files.makeLink(bundle.rootfs + "/data/link", to: "/etc/shadow")
        bundle.mount("/data", type: "tmpfs", from: "tmpfs", "tmpcopyup")
        try bundle.expect("test -p /data/fifo && readlink /data/link", prints: "/etc/shadow")
      }
    }

    // MARK: 2: mounts by descriptor

    /// Every call by which the container's process makes something names one entry of a directory it holds, and mounts are
    /// attached to descriptors: between the check of a path and its use there is no path.
    @Test(.enabled(if: Machine.canInjectFaults, "needs the right to trace"))
    func nothingIsMadeByPath() throws {
      try withBundle { bundle throws in
        try Files.makeLink(bundle.rootfs + "/link", to: "tmp")
        bundle.mount("/dev", type: "tmpfs", from: "tmpfs", "mode=755")
        bundle.mount("/link/a/b", type: "tmpfs", from: "tmpfs")
        bundle.mount("/link/file", type: "bind", from: "/etc/passwd", "bind")
        bundle.config["linux"]["maskedPaths"] = ["/proc/kcore", "/etc"]
        try bundle.writeConfig()
        let calls = try Hostile.calls(bundle)
        #expect(calls.filter { $0.name == "move_mount" }.count > 5)
        #expect(Hostile.byPath(calls) == [])
        // What a careless runtime does would be seen.
        let careless = ["1 \(SYS_mount) 1 proc /x/rootfs/proc", "1 \(SYS_mkdirat) 1 /x/rootfs link/a/b"]
        #expect(Hostile.byPath(careless.compactMap { SystemCall(record: $0[...]) }).count == 2)
      }
    }

    private static func calls(_ bundle: Bundle) throws -> [SystemCall] {
      let record = bundle.workspace + "/calls"
      let outcome = try Command(
        [Machine.faults, "-r", record, "-s", bundle.id, Machine.runtime, "--root", bundle.states, "run"]
          + ["--bundle", bundle.directory, bundle.id],
        environment: ["PATH=\(Machine.path)", bundle.marker], directory: bundle.workspace
      ).finish()
      try #require(outcome.status == 0, "\(outcome)")
      return try Files.read(record).split(separator: "\n").compactMap { SystemCall(record: $0) }
    }

    private static func byPath(_ calls: [SystemCall]) -> [String] {
      let makers = ["mkdir", "mknodat", "symlinkat", "fchownat"]
      return calls.filter { call in
        guard call.process > 0 else { return false }
        if call.number == Int(SYS_mount) { return true }
        let words = call.what.split(separator: " ")
        // The directory, and the name in it.
        return makers.contains(call.name) && words.count > 1 && words[1].contains("/") && call.name != "symlinkat"
      }.map(\.description)
    }

    // MARK: 3: writes to /proc

    /// CVE-2019-16884, CVE-2025-52881: files of /proc/sys that are the image's, or a volume's.
    @Test(arguments: ["no proc", "a volume on it"])
    func aKernelParameterIsTheKernels(_ way: String) throws {
      try withBundle { bundle throws in
        let fake = bundle.workspace + "/fake/ipv4"
        try Files.makeDirectory(bundle.workspace + "/fake")
        try Files.makeDirectory(fake)
        try Files.write("untouched\n", to: fake + "/ip_forward")
        bundle.config["linux"]["sysctl"] = ["net.ipv4.ip_forward": "1"]
        if way == "no proc" {
          bundle.config["mounts"] = []
          try Files.makeDirectory(bundle.rootfs + "/proc/sys")
          try Files.makeLink(bundle.rootfs + "/proc/sys/net", to: "/fake")
          bundle.mount("/fake", type: "bind", from: bundle.workspace + "/fake", "bind")
        } else {
          bundle.mount("/proc/sys/net", type: "bind", from: bundle.workspace + "/fake", "bind")
        }
        bundle.mount("/real", type: "proc", from: "proc")
        // The container sees the fake file at the usual path, and the kernel's has the value.
        try bundle.expect(
          "cat /proc/sys/net/ipv4/ip_forward /real/sys/net/ipv4/ip_forward", prints: "untouched\n1")
        #expect(try Files.read(fake + "/ip_forward") == "untouched\n")
      }
    }

    // MARK: 5: /dev/null and the console

    /// CVE-2025-31133: masks are made of the host's /dev/null, whatever the image has there.
    @Test(arguments: ["link", "file", "device"])
    func aMaskIsTheNullDevice(_ kind: String) throws {
      try withBundle { bundle throws in
        let dev = bundle.workspace + "/dev"
        try Files.makeDirectory(dev)
        switch kind {
        case "link": try Files.makeLink(dev + "/null", to: "/secret")
        case "file": try Files.write("fake\n", to: dev + "/null")
        default: try #require(ct_make_device(dev + "/null", S_IFCHR | 0o666, 1, 5) == 0)
        }
        try Files.write("secret\n", to: bundle.rootfs + "/secret")
        bundle.mount("/dev", type: "bind", from: dev, "rbind")
        bundle.config["linux"]["maskedPaths"] = ["/secret"]
        try bundle.expect("stat -c '%F %t:%T' /secret; cat /secret", prints: "character special file 1:3")
        // What a mask made of the container's /dev/null would be.
        bundle.config["linux"]["maskedPaths"] = []
        #expect(try bundle.output(of: "stat -L -c '%F %t:%T' /dev/null") != "character special file 1:3")
      }
    }

    /// CVE-2025-52565 and its like: what the image has for the terminal's multiplexer.
    @Test(arguments: ["file", "fifo", "other", "block", "link"])
    func aMultiplexerThatIsNoneIsRefused(_ kind: String) throws {
      try withBundle { bundle throws in
        let path = bundle.rootfs + "/dev/ptmx"
        switch kind {
        case "file": try Files.write("", to: path)
        case "fifo": try #require(mkfifo(path, 0o666) == 0)
        case "other": try #require(ct_make_device(path, S_IFCHR | 0o666, 1, 3) == 0)
        // The number is right, the kind is not.
        case "block": try #require(ct_make_device(path, S_IFBLK | 0o666, 5, 2) == 0)
        default: try Files.makeLink(path, to: "../../../../../../../../dev/ptmx")
        }
        bundle.config["process"]["terminal"] = true
        let listener = try Listener(bundle.workspace + "/console")
        bundle.expectRefused(
          try bundle.tryCreate(["--console-socket", listener.path]), "create", ["terminal", "ptmx"])
      }
    }

    // MARK: 6: what a process can reach

    /// CVE-2024-21626: no descriptor of the runtime is a way out, neither as working directory nor for the program.
    @Test(arguments: ["cwd", "args"])
    func noDescriptorLeadsOut(_ way: String) throws {
      try withBundle { bundle throws in
        // The root file system has no such file, the host has.
        let host = bundle.workspace + "/tool"
        try Files.write("#!/bin/sh\necho escaped\n", to: host, mode: 0o755)
        for number in 3...30 {
          let path = "/proc/self/fd/\(number)"
          if way == "cwd" {
            bundle.config["process"]["cwd"] = .string(path)
            bundle.arguments = ["sh", "-c", "cat ../../../../../../../..\(host)"]
          } else {
            bundle.arguments = [path + "/../../../../../../../.." + host]
          }
          let run = try bundle.run()
          #expect(run.status != 0 && !run.output.contains("escaped"), "\(number): \(run)")
          bundle.expectNothingLeft()
        }
      }
    }

    /// CVE-2024-21626's other half: a descriptor that the caller has left open leads out by its number, unless it is closed.
    @Test func aDescriptorOfTheCallerLeadsOutOnlyWhenItIsKept() throws {
      try withBundle { bundle throws in
        let directory = try Files.open("/", O_RDONLY | O_DIRECTORY)
        defer { close(directory) }
        try Files.write("outside\n", to: bundle.workspace + "/file")
        bundle.arguments = ["cat", "/proc/self/fd/3" + bundle.workspace + "/file"]
        let closed = try bundle.run(descriptors: [directory])
        #expect(closed.status != 0 && closed.output == "", "\(closed)")
        let kept = try bundle.run("--preserve-fds", "1", descriptors: [directory])
        #expect(kept.output == "outside\n", "\(kept)")
      }
    }

    /// CVE-2016-9962: a process of the container that is root there cannot look into one that is still ours.
    @Test(.enabled(if: Machine.hasUserNamespaces, "needs user namespaces"))
    func whoJoinsAContainerCannotBeLookedInto() throws {
      try withBundle { owner throws in
        owner.mapIDs(to: 100_000)
        let all: JSON = ["CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH", "CAP_SYS_ADMIN"]
        owner.config["process"]["capabilities"] = ["bounding": all, "effective": all, "permitted": all]
        // Says of every process but itself whether it can see its root directory, as soon as a question is there.
        let look =
          "for p in /proc/[0-9]*; do n=${p#/proc/}; test $n = 1 || test $n = $$ && continue; "
          + "readlink $p/root >/dev/null 2>&1 && echo $n open || echo $n closed; done"
        owner.mount("/talk", type: "bind", from: owner.workspace, "bind")
        try owner.launch(
          "sh", "-c",
          "while :; do if test -e /talk/ask; then rm /talk/ask; (\(look)) > /talk/.a; mv /talk/.a /talk/answer; "
            + "fi; sleep 0.05; done")
        let pid = try owner.pid()
        try withBundle { guest throws in
          guest.giveRootfs(to: 100_000)
          for kind in ["user", "pid"] { guest.namespace(kind, path: "/proc/\(pid)/ns/\(kind)") }
          guest.arguments = ["sleep", "1000"]
          func ask() throws -> [Substring] {
            Files.removeTree(owner.workspace + "/answer")
            try Files.write("", to: owner.workspace + "/ask")
            chmod(owner.workspace, 0o777)
            try #require(waitUntil { Files.exists(owner.workspace + "/answer") })
            // sleep and subshells of the container itself are among them.
            return try Files.read(owner.workspace + "/answer").split(separator: "\n")
          }
          try guest.create()
          #expect(try ask().contains { $0.hasSuffix(" closed") })
          try guest.start()
          // The program is one of the container: it can be seen, so the question was a good one.
          #expect(waitUntil { (try? ask().contains { $0.hasSuffix(" closed") }) == false })
        }
      }
    }

    // MARK: 8: what is handed on

    /// CVE-2022-29162: what the caller may hand on is not what the container gets.
    @Test(.enabled(if: Machine.has("setpriv"), "needs setpriv"))
    func inheritableCapabilitiesOfTheCallerStayWithIt() throws {
      try withBundle { bundle throws in
        bundle.config["process"]["capabilities"] = ["bounding": ["CAP_CHOWN"], "permitted": ["CAP_CHOWN"]]
        bundle.arguments = ["grep", "-E", "^Cap(Inh|Amb)", "/proc/self/status"]
        try bundle.writeConfig()
        let caller = ["setpriv", "--inh-caps", "+chown,+kill"]
        let environment = ["PATH=\(Machine.path)", bundle.marker]
        let seen = try Command(caller + ["grep", "CapInh", "/proc/self/status"], environment: environment).finish()
        #expect(seen.line == "CapInh:\t0000000000000021", "\(seen)")
        let run = try Command(
          caller + [Machine.runtime, "--root", bundle.states, "run", "--bundle", bundle.directory, bundle.id],
          environment: environment
        ).finish()
        #expect(run.lines == ["CapInh:\t0000000000000000", "CapAmb:\t0000000000000000"], "\(run)")
      }
    }

    // MARK: 9: kinds and numbers

    /// A file of another kind that carries the device's number, or none.
    @Test(arguments: ["block", "fifo", "file"])
    func aDeviceOfAnotherKindIsNotTakenForIt(_ kind: String) throws {
      try withBundle { bundle throws in
        let path = bundle.rootfs + "/dev/null"
        switch kind {
        case "block": try #require(ct_make_device(path, S_IFBLK | 0o666, 1, 3) == 0)
        case "fifo": try #require(mkfifo(path, 0o666) == 0)
        default: try Files.write("fake", to: path)
        }
        bundle.expectRefused(try bundle.tryCreate(), "create", ["device \"/dev/null\"", "exists"])
        // The device itself is taken as it is.
        unlink(path)
        try #require(ct_make_device(path, S_IFCHR | 0o644, 1, 3) == 0)
        try bundle.expect("stat -c '%F %t:%T %a' /dev/null", prints: "character special file 1:3 644")
      }
    }
  }
}

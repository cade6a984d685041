import Foundation
import Testing

extension Integration {
  /// Configurations that are valid, and ask for what is not there.
  @Suite struct BadSetups {
    static let bundles = [
      // The root file system.
      BadBundle("a missing root file system", "root.path", "/missing", "no such file or directory") {
        $0.config["root"]["path"] = "missing"
      },
      BadBundle("a root file system that is a file", "root.path", "config.json", "not a directory") {
        $0.config["root"]["path"] = "config.json"
      },
      // The program.
      BadBundle("a program that is not in the path", "\"nothing\"", "executable file not found in $PATH") {
        $0.arguments = ["nothing"]
      },
      BadBundle("a program that is missing", "/bin/nothing", "no such file or directory") {
        $0.arguments = ["/bin/nothing"]
      },
      BadBundle("a program below a file", "/etc/passwd/x", "no such file or directory") {
        $0.arguments = ["/etc/passwd/x"]
      },
      BadBundle("a program that is not executable", "/etc/passwd", "permission denied") {
        $0.arguments = ["/etc/passwd"]
      },
      BadBundle("a program in the path that is not executable", "\"data\"", "permission denied") {
        try Files.write("data", to: $0.rootfs + "/bin/data")
        $0.arguments = ["data"]
      },
      BadBundle("a program that is a directory", "/etc", "permission denied") { $0.arguments = ["/etc"] },
      BadBundle("a program without a name", "exec \"\"", "executable file not found in $PATH") { $0.arguments = [""] },
      BadBundle("a program the user may not execute", "/bin/mine", "permission denied") {
        try Files.write("#!/bin/sh\n", to: $0.rootfs + "/bin/mine", mode: 0o700)
        $0.config["process"]["user"] = ["uid": 1000, "gid": 1000]
        $0.arguments = ["/bin/mine"]
      },
      BadBundle("a program on a file system without execution", "/scratch/tool", "permission denied") {
        try Files.write("#!/bin/sh\n", to: $0.workspace + "/tool", mode: 0o755)
        $0.mount("/scratch", type: "bind", from: $0.workspace, "bind", "noexec")
        $0.arguments = ["/scratch/tool"]
      },
      // The working directory.
      BadBundle("a working directory that is a file", "cwd", "/etc/passwd", "not a directory") {
        $0.config["process"]["cwd"] = "/etc/passwd"
      },
      BadBundle("a missing working directory on a read-only root", "cwd", "/missing", "no such file or directory") {
        $0.mount("/fixed", type: "bind", from: $0.workspace, "bind", "ro")
        $0.config["process"]["cwd"] = "/fixed/missing"
      },
      // Namespaces.
      BadBundle("a namespace whose path is missing", "/missing/ns", "no such file or directory") {
        $0.namespace("network", path: "/missing/ns")
      },
      BadBundle("a namespace whose path is a file", "/etc/passwd", "invalid argument") {
        $0.namespace("network", path: "/etc/passwd")
      },
      BadBundle("a namespace of another kind", "/proc/self/ns/uts", "invalid argument") {
        $0.namespace("network", path: "/proc/self/ns/uts")
      },
      // Mounts.
      BadBundle("a mount whose source is missing", "mount #1", "/data", "/missing/source", "no such file or directory")
      {
        $0.mount("/data", type: "bind", from: "/missing/source", "bind")
      },
      BadBundle("a file system nobody knows", "mount #1", "/data", "nopefs", "no such device") {
        $0.mount("/data", type: "nopefs", from: "none")
      },
      BadBundle("an option the file system does not know", "mount #1", "/data", "tmpfs", "nope") {
        $0.mount("/data", type: "tmpfs", from: "tmpfs", "nope=1")
      },
      BadBundle("an option with a wrong value", "mount #1", "/data", "tmpfs", "size") {
        $0.mount("/data", type: "tmpfs", from: "tmpfs", "size=big")
      },
      BadBundle("a directory bound to a file", "mount #1", "/etc/passwd", "not a directory") {
        $0.mount("/etc/passwd", type: "bind", from: $0.workspace, "bind")
      },
      BadBundle("a file bound to a directory", "mount #1", "/etc", "/file\": not a directory") {
        try Files.write("x", to: $0.workspace + "/file")
        $0.mount("/etc", type: "bind", from: $0.workspace + "/file", "bind")
      },
      BadBundle("a target that is a loop of links", "mount #1", "/loop", "too many levels of symbolic links") {
        try Files.makeLink($0.rootfs + "/loop", to: "loop")
        $0.mount("/loop", type: "tmpfs", from: "tmpfs")
      },
      BadBundle("a /proc that is a link", "mount #0", "/proc") {
        rmdir($0.rootfs + "/proc")
        try Files.makeDirectory($0.rootfs + "/elsewhere")
        try Files.makeLink($0.rootfs + "/proc", to: "elsewhere")
      },
      BadBundle("a /sys that is a link", "mount #1", "/sys") {
        rmdir($0.rootfs + "/sys")
        try Files.makeDirectory($0.rootfs + "/elsewhere")
        try Files.makeLink($0.rootfs + "/sys", to: "elsewhere")
        $0.mount("/sys", type: "sysfs", from: "sysfs")
      },
      BadBundle("an overlay without its layers", "mount #1", "/data", "overlay", "no such file or directory") {
        $0.mount("/data", type: "overlay", from: "overlay", "lowerdir=/missing/layer")
      },
      // Devices.
      BadBundle("a device where the image has something else", "/dev/null", "file exists") {
        try Files.write("hello", to: $0.rootfs + "/dev/null")
      },
      BadBundle("a device below a file", "/etc/passwd/null", "not a directory") {
        $0.config["linux"]["devices"] = [["path": "/etc/passwd/null", "type": "c", "major": 1, "minor": 3]]
      },
      // The kernel.
      BadBundle("a kernel parameter nobody knows", "sysctl", "net/nope", "no such file or directory") {
        $0.config["linux"]["sysctl"] = ["net.nope": "1"]
      },
      BadBundle("a kernel parameter with a wrong value", "sysctl", "net/ipv4/ip_forward", "invalid argument") {
        $0.config["linux"]["sysctl"] = ["net.ipv4.ip_forward": "nope"]
      },
      BadBundle("a hostname that is too long", "hostname") {
        $0.config["hostname"] = .string(String(repeating: "h", count: 65))
      },
      // cgroups.
      BadBundle("processors the machine does not have", "cpus") {
        $0.config["linux"]["resources"] = ["cpu": ["cpus": "5000"]]
      },
      BadBundle("a quota above its period's range", "cpu") {
        $0.config["linux"]["resources"] = ["cpu": ["quota": 1000, "period": 10]]
      },
    ]

    @Test(arguments: bundles, ["create", "run"])
    func isRefused(_ bad: BadBundle, by command: String) throws {
      try withBundle { bundle throws in
        try bad.change(bundle)
        try bundle.writeConfig()
        let outcome = try bundle.apus(command, "--bundle", bundle.directory, bundle.id)
        bundle.expectRefused(outcome, command, bad.words)
      }
    }

    @Test func aScriptWhoseInterpreterIsMissingFailsWhenItIsStarted() throws {
      try withBundle { bundle throws in
        try Files.write("#!/bin/nothing\n", to: bundle.rootfs + "/bin/script", mode: 0o755)
        bundle.arguments = ["/bin/script"]
        bundle.expectRefused(try bundle.run(), "run", ["/bin/script", "no such file or directory"])
      }
    }

    @Test func aProgramOfAnUnknownFormatFailsWhenItIsStarted() throws {
      try withBundle { bundle throws in
        try Files.write("neither script nor program", to: bundle.rootfs + "/bin/data", mode: 0o755)
        bundle.arguments = ["/bin/data"]
        bundle.expectRefused(try bundle.run(), "run", ["/bin/data", "exec format error"])
      }
    }

    @Test(.enabled(if: !Machine.mayRaiseLimits, "this caller may raise limits"))
    func aLimitThatMayNotBeRaisedIsRefused() throws {
      try withBundle { bundle throws in
        bundle.config["process"]["rlimits"] = [["type": "RLIMIT_NOFILE", "soft": 1_000_000_000, "hard": 1_000_000_000]]
        bundle.expectRefused(try bundle.run(), "run", ["RLIMIT_NOFILE", "not permitted"])
      }
    }

    // MARK: links that lead out

    @Test(arguments: ["tmpfs", "bind", "device", "cwd", "masked", "readonly"])
    func aLinkInTheImageDoesNotLeadOut(_ kind: String) throws {
      try withBundle { bundle throws in
        // Outside, at a path that the image's link names absolutely, and by climbing.
        let outside = bundle.workspace + "/outside"
        try Files.makeDirectory(outside)
        try Files.write("untouched", to: outside + "/file")
        try Files.makeLink(bundle.rootfs + "/link", to: outside)
        try Files.makeLink(bundle.rootfs + "/climbing", to: "../../../../../../../../.." + outside)
        for name in ["link", "climbing"] {
          switch kind {
          case "tmpfs": bundle.mount("/\(name)/x", type: "tmpfs", from: "tmpfs")
          case "bind": bundle.mount("/\(name)/x", type: "bind", from: bundle.rootfs, "bind")
          case "device":
            bundle.config["linux"]["devices"].append(
              ["path": "/\(name)/x", "type": "c", "major": 1, "minor": 3])
          case "cwd": bundle.config["process"]["cwd"] = "/\(name)/x"
          case "masked": bundle.config["linux"]["maskedPaths"].append("/\(name)/file")
          default: bundle.config["linux"]["readonlyPaths"].append("/\(name)/file")
          }
        }
        try bundle.expect("echo ran", prints: "ran")
        #expect(Files.names(outside) == ["file"])
        #expect(try Files.read(outside + "/file") == "untouched")
      }
    }

    // MARK: files of the caller

    @Test func aPidFileInAMissingDirectoryIsRefused() throws {
      try withBundle { bundle throws in
        let path = bundle.workspace + "/missing/pid"
        bundle.expectRefused(
          try bundle.tryCreate(["--pid-file", path]), "create", ["--pid-file", "no such file or directory"])
      }
    }

    @Test func aStateDirectoryThatIsAFileIsRefused() throws {
      try withBundle { bundle throws in
        try bundle.writeConfig()
        try Files.write("", to: bundle.workspace + "/file")
        let outcome = try Command(
          [Machine.runtime, "--root", bundle.workspace + "/file", "create", "-b", bundle.directory, bundle.id],
          environment: [bundle.marker]
        ).finish()
        bundle.expectRefused(outcome, "create", [bundle.workspace + "/file"])
      }
    }

    /// Each page that is free lets `create` come a little further.
    @Test(arguments: 0..<8)
    func aFullDiskUnderTheStateDirectoryIsRefused(_ freePages: Int) throws {
      try withBundle { bundle throws in
        try Files.makeDirectory(bundle.states)
        try #require(mount("tmpfs", bundle.states, "tmpfs", 0, "size=\(64 << 10)") == 0)
        defer { umount2(bundle.states, Int32(MNT_DETACH)) }
        let file = try Files.open(bundle.states + "/.cache", O_WRONLY | O_CREAT)
        defer { close(file) }
        try Files.write([UInt8](repeating: 0, count: (16 - freePages) * 4096), to: file)
        let create = try bundle.tryCreate()
        if create.status == 0 {
          #expect(freePages >= 2, "config.json and state.json need a page each")
          #expect(try bundle.apus("delete", "--force", bundle.id).status == 0)
        } else {
          bundle.expectRefused(create, "create", ["no space left on device"], mounts: [bundle.states])
        }
        #expect(bundle.ids == [])
      }
    }
  }
}

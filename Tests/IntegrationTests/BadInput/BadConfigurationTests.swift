import Foundation
import Testing

/// A bundle that has something wrong, and what the message has to name.
struct BadBundle: CustomTestStringConvertible, Sendable {
  var testDescription: String
  var words: [String]
  var change: @Sendable (Bundle) throws -> Void

  init(_ description: String, _ words: String..., change: @escaping @Sendable (Bundle) throws -> Void) {
    testDescription = description
    self.words = words
    self.change = change
  }
}

extension Integration {
  /// Bundles that cannot become a container: one clear line, and nothing left.
  @Suite struct BadConfigurations {
    /// What config.json consists of, instead of a document.
    static let texts: [(String, [String])] = [
      ("", ["config.json"]),
      ("{", ["config.json:1:"]),
      ("[]", ["config.json:1:1", "object"]),
      ("null", ["config.json:1:1"]),
      ("{\"ociVersion\": \"1.0.0\",\n  \"process\": }", ["config.json:2:14"]),
      ("{\"ociVersion\": \"1.0.0\"} x", ["config.json:1:25"]),
      ("{\"ociVersion\": \"1.0.0\", \"ociVersion\": \"1.0.0\"}", ["config.json:1:", "ociVersion"]),
      ("{\"ociVersion\": \"1.0.0\", \"hostname\": \"a\\u0000b\"}", ["config.json:1:37", "hostname"]),
      ("{\"ociVersion\": 1}", ["config.json:1:16", "ociVersion", "string"]),
      (String(repeating: "[", count: 100_000), ["config.json:1:"]),
      (String(repeating: "{\"a\":", count: 100_000), ["config.json:1:"]),
      (
        "{\"ociVersion\": \"1.0.0\", \"process\": {\"user\": {\"uid\": 99999999999}}}",
        ["config.json:1:", "process.user.uid"]
      ),
      ("{\"ociVersion\": \"1.0.0\", \"process\": {\"user\": {\"uid\": -1}}}", ["config.json:1:", "process.user.uid"]),
      (
        "{\"ociVersion\": \"1.0.0\",\n\"linux\": {\"resources\": {\"memory\": {\"limit\": \"64M\"}}}}",
        ["config.json:2:45", "linux.resources.memory.limit", "64M"]
      ),
    ]

    @Test(arguments: texts)
    func aDocumentThatIsNoneIsRefusedWithItsPlace(_ text: String, _ words: [String]) throws {
      try withBundle { bundle throws in
        try Files.write(text, to: bundle.directory + "/config.json")
        bundle.expectRefused(try bundle.apus("create", "-b", bundle.directory, bundle.id), "create", words)
      }
    }

    @Test func aDocumentThatIsNotUTF8IsRefused() throws {
      try withBundle { bundle throws in
        let file = try Files.open(bundle.directory + "/config.json", O_WRONLY | O_CREAT)
        defer { close(file) }
        try Files.write(Array("{\"ociVersion\": \"".utf8) + [0xff, 0xfe] + Array("\"}".utf8), to: file)
        bundle.expectRefused(
          try bundle.apus("create", "-b", bundle.directory, bundle.id), "create", ["config.json:1:"])
      }
    }

    @Test func aBundleWithoutConfigurationIsRefused() throws {
      try withBundle { bundle throws in
        bundle.expectRefused(
          try bundle.apus("create", "-b", bundle.directory, bundle.id), "create",
          [bundle.directory + "/config.json", "no such file or directory"])
      }
    }

    @Test func aConfigurationThatIsADirectoryIsRefused() throws {
      try withBundle { bundle throws in
        try Files.makeDirectory(bundle.directory + "/config.json")
        bundle.expectRefused(
          try bundle.apus("create", "-b", bundle.directory, bundle.id), "create", ["config.json", "is a directory"])
      }
    }

    @Test(arguments: ["missing", "config.json", "missing/below"])
    func aBundleThatIsNoDirectoryIsRefused(_ name: String) throws {
      try withBundle { bundle throws in
        try bundle.writeConfig()
        bundle.expectRefused(
          try bundle.apus("create", "-b", bundle.directory + "/" + name, bundle.id), "create", ["bundle", name])
      }
    }

    @Test func allProblemsAreNamedAtOnce() throws {
      try withBundle { bundle throws in
        bundle.config["ociVersion"] = nil
        bundle.config["process"]["cwd"] = "relative"
        bundle.config["process"]["args"] = []
        let create = try bundle.tryCreate()
        #expect(create.status == 1)
        bundle.config["ociVersion"] = "1.0.0"
        bundle.expectRefused(try bundle.tryCreate(), "create", ["process.cwd", "process.args"])
      }
    }

    static let values = [
      BadBundle("no ociVersion", "ociVersion") { $0.config["ociVersion"] = nil },
      BadBundle("an ociVersion of the future", "ociVersion", "9.0.0") { $0.config["ociVersion"] = "9.0.0" },
      BadBundle("an ociVersion that is none", "ociVersion", "one") { $0.config["ociVersion"] = "one" },
      BadBundle("no root", "root") { $0.config["root"] = nil },
      BadBundle("an empty root.path", "root.path") { $0.config["root"]["path"] = "" },
      BadBundle("no process.args", "process.args") { $0.config["process"]["args"] = nil },
      BadBundle("an empty process.args", "process.args") { $0.config["process"]["args"] = [] },
      BadBundle("no process.cwd", "process.cwd") { $0.config["process"]["cwd"] = nil },
      BadBundle("a relative process.cwd", "process.cwd") { $0.config["process"]["cwd"] = "tmp" },
      BadBundle("process.args of numbers", "process.args[1]") { $0.config["process"]["args"] = ["true", 1] },
      BadBundle("an unknown resource limit", "process.rlimits", "RLIMIT_NOPE") {
        $0.config["process"]["rlimits"] = [["type": "RLIMIT_NOPE", "soft": 1, "hard": 1]]
      },
      BadBundle("a resource limit given twice", "process.rlimits", "RLIMIT_CORE") {
        let limit: JSON = ["type": "RLIMIT_CORE", "soft": 0, "hard": 0]
        $0.config["process"]["rlimits"] = [limit, limit]
      },
      BadBundle("a soft limit above the hard one", "process.rlimits[0].soft") {
        $0.config["process"]["rlimits"] = [["type": "RLIMIT_CORE", "soft": 2, "hard": 1]]
      },
      BadBundle("an oom score out of range", "oomScoreAdj", "2000") { $0.config["process"]["oomScoreAdj"] = 2000 },
      BadBundle("a user that means \"as it is\"", "process.user.uid", "4294967295") {
        $0.config["process"]["user"]["uid"] = 4_294_967_295
      },
      BadBundle("a group that means \"as it is\"", "process.user.gid", "4294967295") {
        $0.config["process"]["user"]["gid"] = 4_294_967_295
      },
      BadBundle("a hostname and its kernel parameter", "linux.sysctl", "hostname") {
        $0.config["hostname"] = "one"
        $0.config["linux"]["sysctl"] = ["kernel.hostname": "other"]
      },
      BadBundle("an unknown namespace", "linux.namespaces", "planet") {
        $0.config["linux"]["namespaces"].append(["type": "planet"])
      },
      BadBundle("a namespace given twice", "linux.namespaces", "pid") {
        $0.config["linux"]["namespaces"].append(["type": "pid"])
      },
      BadBundle("a hostname without a UTS namespace", "hostname", "uts") {
        $0.namespace("uts")
        $0.config["hostname"] = "host"
      },
      BadBundle("a domainname without a UTS namespace", "domainname", "uts") {
        $0.namespace("uts")
        $0.config["domainname"] = "domain"
      },
      BadBundle("a kernel parameter of a namespace that is the host's", "net.ipv4.ip_forward", "network") {
        $0.namespace("network")
        $0.config["linux"]["sysctl"] = ["net.ipv4.ip_forward": "1"]
      },
      BadBundle("a kernel parameter of the whole machine", "vm.swappiness") {
        $0.config["linux"]["sysctl"] = ["vm.swappiness": "1"]
      },
      BadBundle("id mappings without a user namespace", "uidMappings", "user") {
        $0.config["linux"]["uidMappings"] = [["containerID": 0, "hostID": 1, "size": 1]]
      },
      BadBundle("time offsets without a time namespace", "timeOffsets", "time") {
        $0.config["linux"]["timeOffsets"] = ["monotonic": ["secs": 1]]
      },
      BadBundle("an unknown root propagation", "rootfsPropagation", "sideways") {
        $0.config["linux"]["rootfsPropagation"] = "sideways"
      },
      BadBundle("an unknown kind of device", "linux.devices[0]", "x") {
        $0.config["linux"]["devices"] = [["path": "/dev/x", "type": "x", "major": 1, "minor": 3]]
      },
      BadBundle("a device without a number", "linux.devices[0]", "major") {
        $0.config["linux"]["devices"] = [["path": "/dev/x", "type": "c"]]
      },
      BadBundle("a device with a relative path", "linux.devices[0]", "path") {
        $0.config["linux"]["devices"] = [["path": "dev/x", "type": "c", "major": 1, "minor": 3]]
      },
      BadBundle("a mount without a destination", "mounts[1]", "destination") {
        $0.config["mounts"].append(["type": "tmpfs", "source": "tmpfs"])
      },
      BadBundle("a mount over the root", "mounts[1].destination", "root.path") {
        $0.mount("/./..", type: "tmpfs", from: "tmpfs")
      },
      BadBundle("a hook with a relative path", "hooks", "path") {
        $0.config["hooks"] = ["prestart": [["path": "bin/true"]]]
      },
      BadBundle("an unknown seccomp action", "linux.seccomp.defaultAction", "SCMP_ACT_NOPE") {
        $0.config["linux"]["seccomp"] = ["defaultAction": "SCMP_ACT_NOPE"]
      },
      BadBundle("an unknown seccomp action of a rule", "linux.seccomp.syscalls[0].action", "SCMP_ACT_NOPE") {
        $0.config["linux"]["seccomp"] = [
          "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [["names": ["chmod"], "action": "SCMP_ACT_NOPE"]],
        ]
      },
      BadBundle("an unknown seccomp architecture", "linux.seccomp.architectures", "SCMP_ARCH_NOPE") {
        $0.config["linux"]["seccomp"] = ["defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_NOPE"]]
      },
      BadBundle("an unknown seccomp operator", "linux.seccomp.syscalls[0].args[0].op", "SCMP_CMP_NOPE") {
        let rule: JSON = [
          "names": ["chmod"], "action": "SCMP_ACT_ERRNO", "args": [["index": 0, "value": 1, "op": "SCMP_CMP_NOPE"]],
        ]
        $0.config["linux"]["seccomp"] = ["defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule]]
      },
    ]

    @Test(arguments: values)
    func isRefused(_ bad: BadBundle) throws {
      try withBundle { bundle throws in
        try bad.change(bundle)
        bundle.expectRefused(try bundle.tryCreate(), "create", ["config.json"] + bad.words)
      }
    }

    @Test func unknownPropertiesAreIgnored() throws {
      try withBundle { bundle throws in
        bundle.config["futureProperty"] = ["a": [1, 2, nil]]
        bundle.config["process"]["futureProperty"] = true
        bundle.config["linux"]["futureProperty"] = "x"
        try bundle.expect("echo ran", prints: "ran")
      }
    }

    @Test func anUnknownCapabilityIsAWarning() throws {
      try withBundle { bundle throws in
        bundle.config["process"]["capabilities"] = Processing.capabilities(["CAP_NOPE"])
        bundle.arguments = ["true"]
        let run = try bundle.run()
        #expect(run.status == 0)
        #expect(run.errors.contains("CAP_NOPE"))
      }
    }

    @Test(
      .enabled(if: !Machine.mayRaiseLimits, "the caller lacks no capability"), arguments: ["permitted", "inheritable"])
    func aCapabilityThatTheCallerLacksIsAWarning(set: String) throws {
      try withBundle { bundle throws in
        bundle.config["process"]["capabilities"] = [
          "bounding": ["CAP_SYS_RESOURCE", "CAP_KILL"], "permitted": ["CAP_KILL"],
        ]
        bundle.config["process"]["capabilities"][set] = ["CAP_SYS_RESOURCE", "CAP_KILL"]
        bundle.arguments = ["true"]
        let run = try bundle.run()
        #expect(run.status == 0)
        #expect(run.errors.contains("CAP_SYS_RESOURCE cannot be granted"))
      }
    }

    @Test func anUnknownSystemCallOfASeccompProfileIsNone() throws {
      try withBundle { bundle throws in
        bundle.config["linux"]["seccomp"] = [
          "defaultAction": "SCMP_ACT_ALLOW",
          "syscalls": [
            ["names": ["a_call_of_the_future"], "action": "SCMP_ACT_ERRNO"],
            ["names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28],
          ],
        ]
        try bundle.expect(
          "mkdir /tmp/x 2>&1 | grep -o 'No space.*'; grep ^Seccomp: /proc/self/status | cut -f2",
          prints: "No space left on device\n2")
      }
    }

    @Test func anUnknownSystemCallIsAnErrorWhenThatIsAskedFor() throws {
      try withBundle { bundle throws in
        bundle.config["annotations"] = ["run.oci.seccomp_fail_unknown_syscall": "1"]
        bundle.config["linux"]["seccomp"] = [
          "defaultAction": "SCMP_ACT_ALLOW",
          "syscalls": [["names": ["a_call_of_the_future"], "action": "SCMP_ACT_ERRNO"]],
        ]
        bundle.expectRefused(try bundle.tryCreate(), "create", ["linux.seccomp.syscalls[0]", "a_call_of_the_future"])
      }
    }

    @Test func aLargeConfigurationIsNoProblem() throws {
      try withBundle { bundle throws in
        let entries = (0..<10_000).map { "VARIABLE_\($0)=\(String(repeating: "v", count: 50))" }
        bundle.config["process"]["env"] = JSON(bundle.config["process"]["env"].elements.compactMap(\.text) + entries)
        bundle.config["annotations"] = .object(
          Dictionary(uniqueKeysWithValues: (0..<10_000).map { ("org.example.\($0)", JSON.string("value \($0)")) }))
        try bundle.expect("echo $VARIABLE_9999 | wc -c", prints: "51")
      }
    }
  }
}

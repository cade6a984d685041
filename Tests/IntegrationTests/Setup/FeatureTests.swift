import Foundation
import Testing

extension Integration {
  /// What `features` claims (features.md) is so: lists are used word by word, and every other claim names the test that uses it.
  @Suite struct FeatureClaims {
    private static let features: JSON = {
      let outcome = try? Command([Machine.runtime, "features"], environment: ["PATH=\(Machine.path)"]).finish()
      return outcome.flatMap { try? JSON(parsing: $0.output) } ?? .null
    }()

    private static func list(_ path: String...) -> [String] {
      path.reduce(features) { $0[$1] }.elements.compactMap(\.text)
    }

    private static let actions = list("linux", "seccomp", "actions")
    private static let operators = list("linux", "seccomp", "operators")

    // MARK: nothing is claimed for which there is no test

    /// Each claim that is no list, with the tests that use it: functions of this package, files, or sentences of conformance/spec.
    private static let tests: [String: [String]] = [
      "ociVersionMin": ["features_versions"], "ociVersionMax": ["features_versions"],
      "linux.cgroup.v1": ["theRestOfMemoryIsWritten"], "linux.cgroup.v2": ["Tests/Guest/cases/memory.sh"],
      "linux.cgroup.systemd": ["theScopeIsAskedForAndEnds", "Tests/Guest/cases/systemd-scope.sh"],
      "linux.cgroup.systemdUser": ["Tests/Guest/cases/systemd-default.sh"],
      "linux.cgroup.rdma": ["Tests/CgroupsTests/SettingsTests.swift"],
      "linux.seccomp.enabled": ["anActionDoesWhatItSays"],
      "linux.apparmor.enabled": ["aFurtherProcessIsNotLeftUnconfined", "Tests/Guest/cases/apparmor.sh"],
      "linux.selinux.enabled": ["aFurtherProcessIsNotLeftUnlabelled"],
      "linux.intelRdt.enabled": ["theGroupGoesWithItsContainer"],
      "linux.intelRdt.schemata": ["sharesAreWrittenCacheFirst"],
      "linux.intelRdt.monitoring": ["processesEnterTheGroupAndItsCounters"],
      "linux.mountExtensions.idmap.enabled": ["anIdMapReachesAsFarAsItsWordSays"],
      "linux.netDevices.enabled": ["aDeviceArrivesUpUnderItsNewNameWithItsAddresses"],
      "annotations.io.github.seccomp.libseccomp.version": ["theVersionHasTheContractsLines"],
      "annotations.org.opencontainers.runc.checkpoint.enabled": ["Tests/Guest/cases/checkpoint.sh"],
      "annotations.run.oci.apus.commit": ["theVersionHasTheContractsLines"],
      "annotations.run.oci.apus.version": ["theVersionHasTheContractsLines"],
      "org.apus.landlock.": ["onlyListedPortsAreListenedOnAndConnectedTo"],
      "org.criu.config": ["Tests/Guest/cases/checkpoint-mounts.sh"],
      "org.systemd.property.": ["anAnnotationIsAProperty"],
      "run.oci.delegate-cgroup": ["aPartOfTheTreeIsNotHandedOverOnV1", "Tests/Guest/cases/delegate.sh"],
      "run.oci.hooks.stderr": ["annotationsSendTheirOutputToFiles"],
      "run.oci.hooks.stdout": ["annotationsSendTheirOutputToFiles"],
      "run.oci.keep_original_groups": ["theCallersGroupsAreKept"],
      "run.oci.mount_context_type": ["aKindOfMountLabelThatDoesNotExistIsRefused"],
      "run.oci.pidfd_receiver": ["thePidfdIsSentToTheReceiverOfAnAnnotation"],
      "run.oci.seccomp.receiver": ["theListenerCanBeNamedByAnAnnotation"],
      "run.oci.seccomp_bpf_data": ["aFilterMayBeGivenAsItIs"],
      "run.oci.seccomp_fail_unknown_syscall": ["anUnknownSystemCallIsAnErrorWhenThatIsAskedFor"],
      "run.oci.systemd.subgroup": ["aCgroupBelowTheScopesHasAName", "Tests/Guest/cases/systemd-subgroup.sh"],
    ]

    /// Lists of which every word is used by a test, one by one.
    private static let lists: Set<String> = [
      "hooks", "mountOptions", "linux.namespaces", "linux.capabilities", "linux.seccomp.actions",
      "linux.seccomp.operators", "linux.seccomp.archs", "linux.seccomp.knownFlags", "linux.seccomp.supportedFlags",
      "linux.memoryPolicy.modes", "linux.memoryPolicy.flags",
    ]

    private static func claims(_ value: JSON, at path: String = "") -> [String] {
      if path == "potentiallyUnsafeConfigAnnotations" { return value.elements.compactMap(\.text) }
      guard case .object(let members) = value else { return [path] }
      return members.flatMap { claims($1, at: path.isEmpty ? $0 : path + "." + $0) }
    }

    @Test func everyClaimHasATest() throws {
      let claims = Set(FeatureClaims.claims(FeatureClaims.features))
      #expect(claims.subtracting(FeatureClaims.lists) == Set(FeatureClaims.tests.keys))
      #expect(FeatureClaims.lists.isSubset(of: claims))
      let sources = try Sources(["Tests/IntegrationTests", "Tests/CgroupsTests", "conformance/spec/tests"])
      for name in FeatureClaims.tests.values.joined() {
        let isThere = name.contains("/") ? Files.exists(Machine.repository + "/" + name) : sources.define(name)
        #expect(isThere, "no test \(name)")
      }
    }

    /// Claimed is what config.json may say: an annotation that is looked at anywhere changes what is done.
    @Test func everyAnnotationThatIsHonouredIsTold() throws {
      let sources = try Sources(["Sources"])
      var known = sources.words(/"((?:run\.oci|org\.apus\.landlock|org\.criu|org\.systemd\.property)[a-z._-]*)/)
      known = known.filter { !$0.hasPrefix("run.oci.apus.") }
      let told = Set(FeatureClaims.list("potentiallyUnsafeConfigAnnotations"))
      #expect(Set(known.map { $0.hasPrefix("org.apus.landlock") ? "org.apus.landlock." : $0 }) == told)
    }

    // MARK: lists

    @Test func hooksNamespacesAndMountOptionsAreThoseOfTheirTests() throws {
      #expect(Set(FeatureClaims.list("hooks")) == Set(Hooks.kinds))
      #expect(Set(FeatureClaims.list("linux", "namespaces")) == Set(Namespaces.kinds.map(\.0)))
      let tests = try Sources(["Tests/IntegrationTests/Setup"])
      let sentences = try Files.read(Machine.repository + "/conformance/spec/sentences/config.txt")
      for option in FeatureClaims.list("mountOptions") {
        let isUsed =
          sentences.contains("mount_option(\(option))") || tests.text.contains("\"\(option)\"")
          || option.hasPrefix("r") && tests.text.contains("\"\(option.dropFirst())\"")
        #expect(isUsed, "no test uses \(option)")
      }
    }

    @Test func everyCapabilityCanBeHeld() throws {
      try withBundle { bundle throws in
        let names = FeatureClaims.list("linux", "capabilities")
        #expect(names.count > 40)
        bundle.config["process"]["capabilities"] = ["bounding": JSON(names), "inheritable": JSON(names)]
        // As far as the caller has them.
        let all = try #require(Processes.status(Int(getpid()), "CapBnd"))
        try bundle.expect("grep -E '^Cap(Bnd|Inh)' /proc/self/status | cut -f2", prints: all + "\n" + all)
      }
    }

    private static let outcomes = [
      "SCMP_ACT_ALLOW": "0", "SCMP_ACT_LOG": "0", "SCMP_ACT_ERRNO": "Operation not permitted 1",
      "SCMP_ACT_TRACE": "Function not implemented 1", "SCMP_ACT_TRAP": "159", "SCMP_ACT_KILL": "159",
      "SCMP_ACT_KILL_THREAD": "159", "SCMP_ACT_KILL_PROCESS": "159",
    ]

    /// SeccompNotify is about the one that needs somebody who decides.
    @Test(arguments: actions.filter { $0 != "SCMP_ACT_NOTIFY" })
    func anActionDoesWhatItSays(_ action: String) throws {
      try withBundle { bundle throws in
        bundle.config["linux"]["seccomp"] = [
          "defaultAction": "SCMP_ACT_ALLOW",
          "syscalls": [["names": ["mkdir", "mkdirat"], "action": .string(action)]],
        ]
        let seen = try bundle.output(
          of: "m=$(busybox mkdir /tmp/x 2>&1); s=$?; m=${m##*: }; echo ${m#Bad system call} $s")
        #expect(seen == FeatureClaims.outcomes[action])
      }
    }

    /// What the rule `signal OPERATOR 23` leaves of these signals, all of which do nothing.
    private static let left = [
      "SCMP_CMP_NE": "23", "SCMP_CMP_LT": "23 28", "SCMP_CMP_LE": "28", "SCMP_CMP_EQ": "17 28", "SCMP_CMP_GE": "17",
      "SCMP_CMP_GT": "17 23", "SCMP_CMP_MASKED_EQ": "17",
    ]

    @Test(arguments: operators) func anOperatorCompares(_ name: String) throws {
      try withBundle { bundle throws in
        // 4 is a bit of 23 and of 28.
        let isMask = name == "SCMP_CMP_MASKED_EQ"
        bundle.config["linux"]["seccomp"] = [
          "defaultAction": "SCMP_ACT_ALLOW",
          "syscalls": [
            [
              "names": ["kill"], "action": "SCMP_ACT_ERRNO",
              "args": [["index": 1, "value": isMask ? 4 : 23, "valueTwo": isMask ? 4 : 0, "op": .string(name)]],
            ]
          ],
        ]
        let seen = try bundle.output(of: "echo $(for s in 17 23 28; do kill -$s $$ && echo $s; done)")
        #expect(seen == FeatureClaims.left[name])
      }
    }

    @Test func everyArchitectureAndFlagIsTaken() throws {
      for (property, words) in [
        ("architectures", FeatureClaims.list("linux", "seccomp", "archs")),
        ("flags", FeatureClaims.list("linux", "seccomp", "supportedFlags")),
      ] {
        #expect(words.count > 3)
        // WaitKillable is about this one.
        for word in words where word != "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV" {
          try withBundle { bundle throws in
            bundle.config["linux"]["seccomp"] = [
              "defaultAction": "SCMP_ACT_ALLOW",
              "syscalls": [["names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"]],
            ]
            bundle.config["linux"]["seccomp"][property] = [.string(word)]
            try bundle.expect("mkdir /tmp/x 2>/dev/null || echo refused", prints: "refused")
          }
        }
      }
    }

    private static let policies = [
      "MPOL_DEFAULT": "default", "MPOL_BIND": "bind:0", "MPOL_INTERLEAVE": "interleave:0",
      "MPOL_WEIGHTED_INTERLEAVE": "weighted interleave:0", "MPOL_PREFERRED": "prefer:0",
      "MPOL_PREFERRED_MANY": "prefer (many):0", "MPOL_LOCAL": "local",
    ]

    private func expectPolicy(_ mode: String, _ flags: [String], _ seen: String) throws {
      try withBundle { bundle throws in
        bundle.config["linux"]["memoryPolicy"] = ["mode": .string(mode), "flags": JSON(flags)]
        if seen.hasSuffix(":0") { bundle.config["linux"]["memoryPolicy"]["nodes"] = "0" }
        try bundle.expect("head -1 /proc/self/numa_maps | cut -d' ' -f2- | sed 's/ [a-z]*=.*//'", prints: seen)
      }
    }

    @Test(.enabled(if: Files.exists("/proc/self/numa_maps"), "needs a kernel with NUMA"))
    func everyMemoryPolicyIsThat() throws {
      let modes = FeatureClaims.list("linux", "memoryPolicy", "modes")
      #expect(Set(modes) == Set(FeatureClaims.policies.keys))
      for mode in modes { try expectPolicy(mode, [], FeatureClaims.policies[mode] ?? "") }
      let seen = [
        "MPOL_F_STATIC_NODES": "bind=static:0", "MPOL_F_RELATIVE_NODES": "bind=relative:0",
        "MPOL_F_NUMA_BALANCING": "bind=balancing:0",
      ]
      let flags = FeatureClaims.list("linux", "memoryPolicy", "flags")
      #expect(Set(flags) == Set(seen.keys))
      for flag in flags { try expectPolicy("MPOL_BIND", [flag], seen[flag] ?? "") }
    }
  }
}

/// The text of source files.
private struct Sources {
  var text = ""

  init(_ folders: [String]) throws {
    for folder in folders {
      let files = FileManager.default.enumerator(atPath: Machine.repository + "/" + folder)
      for case let file as String in files ?? .init() where file.hasSuffix(".swift") || file.hasSuffix(".py") {
        text += try Files.read("\(Machine.repository)/\(folder)/\(file)")
      }
    }
  }

  func define(_ function: String) -> Bool {
    text.contains("func \(function)(") || text.contains("def \(function)(")
  }

  func words(_ pattern: Regex<(Substring, Substring)>) -> Set<String> {
    Set(text.matches(of: pattern).map { String($0.1) })
  }
}

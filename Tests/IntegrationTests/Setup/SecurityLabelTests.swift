import Testing

extension Integration {
  /// Labels for AppArmor and SELinux, where the kernel has neither.
  @Suite struct SecurityLabels {
    static let hasAppArmor = (try? Files.read("/sys/module/apparmor/parameters/enabled"))?.hasPrefix("Y") == true
    static let hasSELinux = Files.exists("/sys/fs/selinux/enforce")

    @Test(.enabled(if: !hasAppArmor, "AppArmor is on"))
    func aProfileIsRefusedWithoutAppArmor() throws {
      try withBundle { bundle throws in
        bundle.config["process"]["apparmorProfile"] = "apus-test"
        bundle.expectRefused(
          try bundle.tryCreate(), "create", ["process.apparmorProfile: \"apus-test\": AppArmor is not on"])
      }
    }

    @Test(.enabled(if: !hasAppArmor, "AppArmor is on"))
    func aFurtherProcessIsNotLeftUnconfined() throws {
      try withBundle { bundle throws in
        try bundle.launch("sleep", "1000")
        let refused = try bundle.apus("exec", "--apparmor", "apus-test", bundle.id, "touch", "/tmp/ran")
        #expect(refused.status == 255)
        #expect(refused.errors == "apus: exec: process.apparmorProfile: \"apus-test\": AppArmor is not on\n")
        try Files.write(
          #"{"args":["touch","/tmp/ran"],"cwd":"/","user":{"uid":0,"gid":0},"env":["PATH=/bin"],"apparmorProfile":"apus-test"}"#,
          to: bundle.workspace + "/process.json")
        let document = try bundle.apus("exec", "--process", bundle.workspace + "/process.json", bundle.id)
        #expect(document.status == 255 && document.errors == refused.errors, "\(document)")
        #expect(!Files.exists(bundle.rootfs + "/tmp/ran"))
        #expect(try bundle.apus("exec", "--apparmor", "unconfined", bundle.id, "touch", "/tmp/ran").status == 0)
        #expect(Files.exists(bundle.rootfs + "/tmp/ran"))
      }
    }

    @Test(.enabled(if: !hasSELinux, "SELinux is on"))
    func aFurtherProcessIsNotLeftUnlabelled() throws {
      try withBundle { bundle throws in
        try bundle.launch("sleep", "1000")
        let refused = try bundle.apus("exec", "--process-label", "u:r:t:s0", bundle.id, "touch", "/tmp/ran")
        #expect(refused.status == 255)
        #expect(refused.errors == "apus: exec: process.selinuxLabel: \"u:r:t:s0\": SELinux is not on\n")
        #expect(!Files.exists(bundle.rootfs + "/tmp/ran"))
      }
    }

    /// What `check` says is what `create` does.
    @Test(.enabled(if: !hasAppArmor && !hasSELinux, "a security module is on"))
    func theCheckOfABundleKnowsThemAll() throws {
      try withBundle { bundle throws in
        bundle.config["process"]["apparmorProfile"] = "apus-test"
        bundle.config["process"]["selinuxLabel"] = "u:r:t:s0"
        bundle.config["linux"]["mountLabel"] = "u:o:t:s0"
        try bundle.writeConfig()
        let outcome = try bundle.apus("check", bundle.directory)
        #expect(outcome.status == 1)
        for (property, module) in [
          ("process.apparmorProfile", "AppArmor"), ("process.selinuxLabel", "SELinux"), ("linux.mountLabel", "SELinux"),
        ] {
          #expect(outcome.lines.contains { $0.contains("error: \(property): ") && $0.hasSuffix("\(module) is not on") })
        }
        bundle.config["process"]["apparmorProfile"] = "unconfined"
        bundle.config["process"]["selinuxLabel"] = ""
        bundle.config["linux"]["mountLabel"] = ""
        try bundle.writeConfig()
        #expect(!(try bundle.apus("check", bundle.directory).output.contains("is not on")))
        #expect(try bundle.run().status == 0)
      }
    }

    @Test(.enabled(if: !hasAppArmor, "AppArmor is on"))
    func withoutAppArmorEverythingIsUnconfined() throws {
      try withBundle { bundle throws in
        bundle.config["process"]["apparmorProfile"] = "unconfined"
        try bundle.expect("echo done", prints: "done")
      }
    }

    @Test(.enabled(if: !hasSELinux, "SELinux is on"))
    func labelsAreRefusedWithoutSELinux() throws {
      try withBundle { bundle throws in
        bundle.config["linux"]["mountLabel"] = "system_u:object_r:container_file_t:s0:c1,c2"
        bundle.expectRefused(
          try bundle.tryCreate(), "create",
          ["linux.mountLabel: \"system_u:object_r:container_file_t:s0:c1,c2\": SELinux is not on"])
        bundle.config["linux"]["mountLabel"] = .null
        bundle.config["process"]["selinuxLabel"] = "system_u:system_r:container_t:s0:c1,c2"
        bundle.expectRefused(
          try bundle.tryCreate(), "create",
          ["process.selinuxLabel: \"system_u:system_r:container_t:s0:c1,c2\": SELinux is not on"])
      }
    }

    // MARK: with modules that are made up

    /// The bundle's commands find both modules on.
    ///
    /// - Parameter record: is told what would be written to /proc/PID/attr, which then is not; `nil`: it is, and this kernel refuses it.
    private static func pretend(for bundle: Bundle, record: String? = nil) {
      let fake = bundle.workspace + "/fake"
      let script = """
        set -e; mkdir \(fake); mount -t tmpfs fake \(fake); cd \(fake)
        mkdir -p fs/selinux fs/cgroup module/apparmor/parameters
        : > fs/selinux/enforce; echo Y > module/apparmor/parameters/enabled
        mount --rbind /sys/fs/cgroup fs/cgroup; mount --rbind fs /sys/fs; mount --rbind module /sys/module
        cd /; exec "$@"
        """
      let recording = record.map { [Machine.faults, "-a", "/attr/", "-r", $0] } ?? []
      bundle.runtime = ["/usr/bin/env", "unshare", "--mount", "sh", "-c", script, "sh"] + recording + [Machine.runtime]
    }

    /// With the pid of the one who writes as N.
    private static func writes(in record: String) throws -> [String] {
      try Files.read(record).split(separator: "\n").map { String($0).replacing(/\/[0-9]+\/attr/, with: "/N/attr") }
    }

    @Test(
      .enabled(if: !hasAppArmor && !hasSELinux, "a security module is on"),
      .enabled(if: Machine.canTrace && Machine.has("unshare"), "needs unshare and the right to trace"))
    func labelsAreWrittenForTheProgramItsKeyringAndItsSocket() throws {
      try withBundle { bundle throws in
        let record = bundle.workspace + "/record"
        SecurityLabels.pretend(for: bundle, record: record)
        bundle.config["process"]["apparmorProfile"] = "a-profile"
        bundle.config["process"]["selinuxLabel"] = "u:r:t:s0"
        bundle.environment = ["NOTIFY_SOCKET=" + bundle.workspace + "/manager"]
        let outcome = try bundle.run()
        #expect(outcome.status == 0, "\(outcome)")
        #expect(
          try SecurityLabels.writes(in: record) == [
            "/N/attr/keycreate u:r:t:s0", "/N/attr/keycreate ", "/N/attr/sockcreate u:r:t:s0", "/N/attr/sockcreate ",
            "/N/attr/exec exec a-profile", "/N/attr/exec u:r:t:s0",
          ])
      }
    }

    @Test(
      .enabled(if: !hasAppArmor && !hasSELinux, "a security module is on"),
      .enabled(if: Machine.canTrace && Machine.has("unshare"), "needs unshare and the right to trace"))
    func aFurtherProcessHasLabelsOfItsOwn() throws {
      try withBundle { bundle throws in
        try bundle.launch("sleep", "1000")
        let record = bundle.workspace + "/record"
        SecurityLabels.pretend(for: bundle, record: record)
        let outcome = try bundle.exec(["--apparmor", "another", "--process-label", "u:r:o:s0"], "echo", "ran")
        #expect(outcome.status == 0 && outcome.line == "ran", "\(outcome)")
        #expect(
          try SecurityLabels.writes(in: record) == [
            "/N/attr/keycreate u:r:o:s0", "/N/attr/keycreate ", "/N/attr/exec exec another", "/N/attr/exec u:r:o:s0",
          ])
        bundle.runtime = [Machine.runtime]
      }
    }

    /// A kernel that refuses the label, as this one does every label: nothing runs.
    @Test(
      .enabled(if: !hasAppArmor && !hasSELinux && Machine.has("unshare"), "a security module is on, or no unshare"),
      arguments: [
        ("process", "apparmorProfile", "process.apparmorProfile \"u:l\": write \"/proc/"),
        ("process", "selinuxLabel", "session keyring: write \"/proc/"),
        ("linux", "mountLabel", "mount #1 \"/data\" (tmpfs): fsconfig \"tmpfs: context=u:l"),
      ])
    func aLabelThatTheKernelRefusesIsAnError(_ part: String, _ property: String, _ words: String) throws {
      try withBundle { bundle throws in
        SecurityLabels.pretend(for: bundle)
        bundle.mount("/data", type: "tmpfs", from: "tmpfs")
        bundle.config[part][property] = "u:l"
        bundle.arguments = ["touch", "/tmp/ran"]
        let outcome = try bundle.run()
        bundle.expectRefused(outcome, "run", [words, "Invalid argument"])
        #expect(!Files.exists(bundle.rootfs + "/tmp/ran"))
        bundle.runtime = [Machine.runtime]
      }
    }

    @Test func aKindOfMountLabelThatDoesNotExistIsRefused() throws {
      try withBundle { bundle throws in
        bundle.config["annotations"] = ["run.oci.mount_context_type": "anycontext"]
        bundle.expectRefused(try bundle.tryCreate(), "create", ["run.oci.mount_context_type", "anycontext"])
      }
    }
  }
}

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

    @Test func aKindOfMountLabelThatDoesNotExistIsRefused() throws {
      try withBundle { bundle throws in
        bundle.config["annotations"] = ["run.oci.mount_context_type": "anycontext"]
        bundle.expectRefused(try bundle.tryCreate(), "create", ["run.oci.mount_context_type", "anycontext"])
      }
    }
  }
}

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
          try bundle.tryCreate(), "create", ["process.apparmorProfile \"apus-test\": AppArmor is not on"])
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
        bundle.expectRefused(try bundle.tryCreate(), "create", ["linux.mountLabel: SELinux is not on"])
        bundle.config["linux"]["mountLabel"] = .null
        bundle.config["process"]["selinuxLabel"] = "system_u:system_r:container_t:s0:c1,c2"
        bundle.expectRefused(
          try bundle.tryCreate(), "create",
          ["process.selinuxLabel \"system_u:system_r:container_t:s0:c1,c2\": SELinux is not on"])
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

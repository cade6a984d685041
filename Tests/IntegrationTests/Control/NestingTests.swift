import Foundation
import Testing

extension Integration {
  /// This runtime inside one of its containers, and parts of the cgroup tree in a container's hands.
  @Suite struct Nesting {
    /// A program that needs no libraries runs in any root file system.
    private static let isStatic: Bool = {
      guard let outcome = try? host("ldd", Machine.runtime) else { return false }
      return outcome.status != 0 || outcome.output.contains("statically")
    }()

    private static let capabilities = JSON(
      [
        "CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP",
        "NET_ADMIN", "SYS_CHROOT", "SYS_PTRACE", "SYS_ADMIN", "SYS_NICE", "MKNOD", "SETFCAP",
      ].map { "CAP_" + $0 })

    @Test(
      .enabled(if: Nesting.isStatic, "needs a runtime that is linked statically"),
      .enabled(if: Hierarchies.directory("pids") != nil, "needs the v1 pids controller"), arguments: [true, false])
    func aContainerInAContainerHasItsLimits(_ hasCgroupNamespace: Bool) throws {
      try withBundle { inner throws in
        inner.config["linux"]["cgroupsPath"] = "/inner/box"
        inner.config["linux"]["resources"] = ["pids": ["limit": 2]]
        inner.arguments = ["sh", "-c", "(sleep 1000 & sleep 1000 & true) || echo refused; kill -9 -1"]
        try inner.writeConfig()
        try withBundle { outer throws in
          if !hasCgroupNamespace { outer.namespace("cgroup") }
          for set in ["bounding", "effective", "permitted"] {
            outer.config["process"]["capabilities"][set] = Nesting.capabilities
          }
          outer.config["linux"]["resources"] = ["devices": [["allow": true]]]
          outer.mount("/sys", type: "sysfs", from: "sysfs")
          outer.mount("/sys/fs/cgroup", type: "cgroup", from: "cgroup")
          try Files.makeDirectory(outer.rootfs + "/bundle")
          outer.mount("/bundle", type: "bind", from: inner.directory, "rbind")
          try Files.write("", to: outer.rootfs + "/runtime")
          outer.mount("/runtime", type: "bind", from: Machine.runtime, "bind", "ro")
          let said = try outer.output(
            of:
              "/runtime --root /states run -b /bundle inner; echo; ls -d /sys/fs/cgroup/pids/inner/box; /runtime --root /states list -q"
          )
          #expect(said == "refused", "\(said)")
        }
      }
    }

    @Test(.enabled(if: Hierarchies.directory("memory") != nil, "needs controllers on cgroup v1"))
    func aPartOfTheTreeIsNotHandedOverOnV1() throws {
      try withBundle { bundle throws in
        bundle.config["annotations"] = ["run.oci.delegate-cgroup": "below"]
        bundle.expectRefused(try bundle.tryCreate(), "create", ["run.oci.delegate-cgroup", "only cgroup v2"])
      }
    }
  }
}

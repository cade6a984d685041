import Foundation
import Testing

extension Integration {
  /// The cgroup a container is put into, and its limits.
  @Suite struct CgroupPlacement {
    @Test func theProcessIsInItsCgroupInEveryHierarchy() throws {
      try withBundle { bundle throws in
        try bundle.create()
        let pid = try bundle.pid()
        let lines = try Files.read("/proc/\(pid)/cgroup").split(separator: "\n")
        #expect(lines != [])
        for line in lines where !line.hasPrefix("0::") {
          #expect(line.hasSuffix(":" + bundle.cgroupsPath))
        }
      }
    }

    @Test(.enabled(if: Hierarchies.directory("memory") != nil, "needs the v1 memory controller"))
    func theMemoryLimitIsSet() throws {
      try withBundle { bundle throws in
        bundle.config["linux"]["resources"] = ["memory": ["limit": 67_108_864, "reservation": 33_554_432]]
        try bundle.create()
        #expect(try bundle.control("memory", "memory.limit_in_bytes") == "67108864")
        #expect(try bundle.control("memory", "memory.soft_limit_in_bytes") == "33554432")
      }
    }

    @Test(.enabled(if: Hierarchies.directory("memory") != nil, "needs the v1 memory controller"))
    func aProcessThatTakesTooMuchMemoryIsKilled() throws {
      try withBundle { bundle throws in
        bundle.config["linux"]["resources"] = ["memory": ["limit": 33_554_432, "swap": 33_554_432]]
        bundle.arguments = ["sh", "-c", "head -c 100000000 /dev/zero | tail -c 90000000 | wc -c; echo survived"]
        #expect(try bundle.run().output != "90000000\nsurvived\n")
        bundle.expectNothingLeft()
      }
    }

    /// What an engine asks for by default, as far as the setting up of it is charged to the container's memory.
    private static func addEverythingUsual(_ bundle: Bundle) {
      bundle.mount("/dev", type: "tmpfs", from: "tmpfs", "nosuid", "strictatime", "mode=755", "size=65536k")
      bundle.mount("/dev/pts", type: "devpts", from: "devpts", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5")
      bundle.mount("/sys", type: "sysfs", from: "sysfs", "nosuid", "noexec", "nodev", "ro")
      bundle.mount("/sys/fs/cgroup", type: "cgroup", from: "cgroup", "nosuid", "noexec", "nodev", "ro")
      bundle.mount("/dev/mqueue", type: "mqueue", from: "mqueue", "nosuid", "noexec", "nodev")
      bundle.mount("/dev/shm", type: "tmpfs", from: "shm", "nosuid", "noexec", "nodev", "mode=1777", "size=65536k")
      bundle.config["linux"]["maskedPaths"] = [
        "/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/timer_list", "/sys/firmware",
      ]
      bundle.config["linux"]["readonlyPaths"] = [
        "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger",
      ]
      let denied = (0..<40).flatMap { _ in ["add_key", "bpf", "kexec_load", "mount", "ptrace", "reboot", "swapon"] }
      bundle.config["linux"]["seccomp"] = [
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": .array(
          denied.enumerated().map { number, name in
            [
              "names": [.string(name)], "action": "SCMP_ACT_ERRNO",
              "args": [["index": 1, "value": JSON(number + 1), "op": "SCMP_CMP_EQ"]],
            ]
          }),
      ]
    }

    @Test(
      .enabled(if: Hierarchies.directory("memory") != nil, "needs the v1 memory controller"),
      .enabled(if: Machine.runtimeIsStatic, "needs the static binary of make build"), arguments: [false, true])
    func halfAMegabyteIsEnough(_ withEverythingUsual: Bool) throws {
      try withBundle { bundle throws in
        bundle.config["linux"]["resources"] = ["memory": ["limit": 524_288]]
        if withEverythingUsual { CgroupPlacement.addEverythingUsual(bundle) }
        for _ in 0..<5 { try bundle.expect("echo runs", prints: "runs") }
      }
    }

    @Test(.enabled(if: Hierarchies.directory("cpu") != nil, "needs the v1 cpu controller"))
    func theCpuShareAndQuotaAreSet() throws {
      try withBundle { bundle throws in
        bundle.config["linux"]["resources"] = ["cpu": ["shares": 512, "quota": 20_000, "period": 50_000]]
        try bundle.create()
        #expect(try bundle.control("cpu", "cpu.shares") == "512")
        #expect(try bundle.control("cpu", "cpu.cfs_quota_us") == "20000")
        #expect(try bundle.control("cpu", "cpu.cfs_period_us") == "50000")
      }
    }

    @Test(.enabled(if: Hierarchies.directory("cpuset") != nil, "needs the v1 cpuset controller"))
    func theProcessorsAreLimited() throws {
      try withBundle { bundle throws in
        bundle.config["linux"]["resources"] = ["cpu": ["cpus": "0", "mems": "0"]]
        try bundle.expect("grep Cpus_allowed_list /proc/self/status | cut -f2; nproc", prints: "0\n1")
      }
    }

    /// A cpuset is empty when it is made, unless the one above hands on what it has.
    @Test(.enabled(if: Hierarchies.directory("cpuset") != nil, "needs the v1 cpuset controller"))
    func aCpusetIsFilledFromTheOneAboveWhichStaysAsItWas() throws {
      try withBundle { bundle throws in
        let parent = "/apus-cpuset-\(UUID().uuidString)"
        let above = try #require(Hierarchies.directory("cpuset")) + parent
        defer { Hierarchies.existing(parent).forEach(Hierarchies.remove) }
        try Files.makeDirectory(above)
        try Files.write("0", to: above + "/cpuset.cpus")
        try Files.write("0", to: above + "/cpuset.mems")
        bundle.config["linux"]["cgroupsPath"] = .string(parent + "/inner")
        try bundle.create()
        #expect(try Files.read(above + "/inner/cpuset.cpus") == "0\n")
        #expect(try Files.read(above + "/inner/cpuset.mems") == "0\n")
        // Handed on by the kernel: this came along.
        #expect(try Files.read(above + "/inner/cgroup.clone_children") == "1\n")
        #expect(try Files.read(above + "/cgroup.clone_children") == "0\n")
        #expect(try bundle.apus("delete", "--force", bundle.id).status == 0)
      }
    }

    @Test(.enabled(if: Hierarchies.directory("pids") != nil, "needs the v1 pids controller"))
    func theNumberOfProcessesIsLimited() throws {
      try withBundle { bundle throws in
        bundle.config["linux"]["resources"] = ["pids": ["limit": 3]]
        let script = "sleep 1000 & sleep 1000 & (sleep 1000 & true) 2>/dev/null || echo refused"
        bundle.arguments = ["sh", "-c", script]
        let run = try bundle.run()
        #expect(run.output.contains("refused") || run.errors.contains("fork"), "\(run)")
        bundle.expectNothingLeft()
      }
    }

    @Test(.enabled(if: Hierarchies.unified != nil, "needs cgroup v2"))
    func belowAThreadedCgroupNoContainerIsMade() throws {
      try withBundle { bundle throws in
        let parent = "/apus-threads-\(UUID().uuidString)"
        let threads = try #require(Hierarchies.unified) + parent
        defer { Hierarchies.existing(parent).forEach(Hierarchies.remove) }
        try Files.makeDirectory(threads)
        try Files.write("threaded", to: threads + "/cgroup.type")
        bundle.config["linux"]["cgroupsPath"] = .string(parent + "/inner")
        bundle.expectRefused(
          try bundle.tryCreate(), "create", ["clone3", threads + "/inner is \"domain invalid\"", "linux.cgroupsPath"])
        #expect(Hierarchies.existing(parent + "/inner") == [])
      }
    }

    @Test func withoutAPathTheContainerHasACgroupOfItsOwn() throws {
      try withBundle { bundle throws in
        bundle.config["linux"]["cgroupsPath"] = nil
        try bundle.create()
        let own = try Files.read("/proc/self/cgroup")
        let path = try Files.read("/proc/\(try bundle.pid())/cgroup")
        #expect(path.contains(bundle.id))
        #expect(!own.contains(bundle.id))
        #expect(try bundle.apus("delete", "--force", bundle.id).status == 0)
        for directory in Hierarchies.directories {
          for line in path.split(separator: "\n") {
            let cgroup = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)[2]
            if cgroup.contains(bundle.id) { #expect(!Files.exists(directory + cgroup)) }
          }
        }
      }
    }

    @Test func cgroupsThatTheContainerHasMadeAreRemoved() throws {
      try withBundle { bundle throws in
        try bundle.launch("sleep", "1000")
        for directory in Hierarchies.existing(bundle.cgroupsPath) {
          try Files.makeDirectory(directory + "/below")
          try Files.makeDirectory(directory + "/below/deeper")
        }
        #expect(try bundle.apus("delete", "--force", bundle.id).status == 0)
        bundle.expectNothingLeft()
      }
    }

    @Test func aDisabledManagerMakesNoCgroup() throws {
      try withBundle { bundle throws in
        bundle.arguments = ["sleep", "1000"]
        let create = try bundle.tryCreate(global: ["--cgroup-manager", "disabled"])
        #expect(create.status == 0, "\(create)")
        #expect(Hierarchies.existing(bundle.cgroupsPath) == [])
        #expect(try Files.read("/proc/\(try bundle.pid())/cgroup") == (try Files.read("/proc/self/cgroup")))
        try bundle.start()
        #expect(try bundle.apus("delete", "--force", bundle.id).status == 0)
        bundle.expectNothingLeft()
      }
    }
  }
}

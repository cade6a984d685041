import OCI

extension Config {
  /// A shell on a terminal, enclosed as people expect it of a container.
  static var example: Config {
    Config(
      ociVersion: specificationVersion,
      root: Root(path: "rootfs", readonly: true),
      process: exampleProcess,
      hostname: "apus",
      mounts: exampleMounts,
      linux: Linux(
        namespaces: [.pid, .network, .ipc, .uts, .mount, .cgroup].map { Namespace(type: $0) },
        resources: .init(devices: [.init(allow: false, access: "rwm")]),
        // What would tell about, or reach, the machine instead of the container.
        maskedPaths: [
          "/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
          "/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats", "/sys/devices/virtual/powercap",
          "/sys/firmware",
        ],
        readonlyPaths: ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]))
  }

  private static var exampleProcess: Process {
    let capabilities = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"]
    return Process(
      terminal: true,
      args: ["sh"],
      env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"],
      cwd: "/",
      capabilities: .init(bounding: capabilities, effective: capabilities, permitted: capabilities),
      rlimits: [.init(type: "RLIMIT_NOFILE", soft: 1024, hard: 1024)],
      noNewPrivileges: true)
  }

  private static var exampleMounts: [Mount] {
    [
      Mount(destination: "/proc", type: "proc", source: "proc"),
      Mount(
        destination: "/dev", type: "tmpfs", source: "tmpfs",
        options: ["nosuid", "strictatime", "mode=755", "size=65536k"]),
      Mount(
        destination: "/dev/pts", type: "devpts", source: "devpts",
        options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]),
      Mount(
        destination: "/dev/shm", type: "tmpfs", source: "shm",
        options: ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]),
      Mount(destination: "/dev/mqueue", type: "mqueue", source: "mqueue", options: ["nosuid", "noexec", "nodev"]),
      Mount(destination: "/sys", type: "sysfs", source: "sysfs", options: ["nosuid", "noexec", "nodev", "ro"]),
      Mount(
        destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup",
        options: ["nosuid", "noexec", "nodev", "relatime", "ro"]),
    ]
  }

  /// Changes the example into one that a user may run: as root of a user namespace in which only that user exists.
  mutating func makeRootless(uid: UInt32, gid: UInt32) {
    // The machine's network stays: a user cannot connect a new one with anything.
    linux?.namespaces.removeAll { $0.type == .network }
    linux?.namespaces.append(Namespace(type: .user))
    linux?.uidMappings = [IDMapping(containerID: 0, hostID: uid, size: 1)]
    linux?.gidMappings = [IDMapping(containerID: 0, hostID: gid, size: 1)]
    // Limits need a cgroup that the user may write to.
    linux?.resources = nil
    for index in mounts.indices {
      switch mounts[index].type {
      // Group 5, tty, is not mapped.
      case "devpts": mounts[index].options.removeAll { $0 == "gid=5" }
      // A new sysfs shows the network namespace, and takes the right to it. Read-only with the cgroups below it, some of
      // which may be the user's (CVE-2023-25809).
      case "sysfs":
        mounts[index] = Mount(
          destination: "/sys", type: "none", source: "/sys", options: ["rbind", "nosuid", "noexec", "nodev", "rro"])
      default: break
      }
    }
  }
}

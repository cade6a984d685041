import OCI

/// A configuration that has every property there is.
let complete = Config(
  ociVersion: "1.3.0", root: .init(path: "rootfs", readonly: true), process: completeProcess, hostname: "host",
  domainname: "domain",
  mounts: [
    .init(destination: "/proc", type: "proc", source: "proc"),
    .init(
      destination: "/data", type: "bind", source: "/srv", options: ["rbind", "ro"],
      uidMappings: [.init(containerID: 0, hostID: 1000, size: 10)],
      gidMappings: [.init(containerID: 0, hostID: 2000, size: 10)]),
  ],
  hooks: .init(
    prestart: [.init(path: "/bin/a")], createRuntime: [.init(path: "/bin/b", args: ["b", "x"])],
    createContainer: [.init(path: "/bin/c", env: ["A=b"])], startContainer: [.init(path: "/bin/d", timeout: 5)],
    poststart: [.init(path: "/bin/e")], poststop: [.init(path: "/bin/f"), .init(path: "/bin/g")]),
  annotations: ["org.example.b": "1", "org.example.a": "\"two\"\n"], linux: completeLinux,
  vm: .init(
    hypervisor: .init(path: "/h", parameters: ["h1"]), kernel: .init(path: "/k", parameters: ["k1"], initrd: "/i"),
    image: .init(path: "/image", format: .qcow2),
    hwConfig: .init(
      deviceTree: "/dtb", vcpus: 2, memory: 1 << 40, dtdevs: ["d"],
      iomems: [.init(firstGFN: 1, firstMFN: 2, nrMFNs: 3), .init(firstMFN: 4, nrMFNs: 5)], irqs: [11, 12])))

private let completeProcess = Config.Process(
  terminal: true, consoleSize: .init(height: 24, width: 80),
  user: .init(uid: 1, gid: 4_294_967_294, umask: 18, additionalGids: [5, 6], username: "u"),
  args: ["sh", "-c", "true"],
  commandLine: "line", env: ["PATH=/bin", "EMPTY="], cwd: "/work",
  capabilities: .init(
    bounding: ["CAP_KILL"], effective: ["CAP_KILL"], inheritable: ["CAP_KILL"], permitted: ["CAP_KILL"],
    ambient: ["CAP_KILL"]),
  rlimits: [
    .init(type: "RLIMIT_NOFILE", soft: 1024, hard: 4096), .init(type: "RLIMIT_CORE", soft: .max, hard: .max),
  ],
  noNewPrivileges: true, apparmorProfile: "profile", oomScoreAdj: -500, selinuxLabel: "label",
  ioPriority: .init(class: .realTime, priority: 3),
  scheduler: .init(
    policy: .deadline, flags: [.resetOnFork, .utilizationClampMaximum], runtime: 1, deadline: 2, period: 3),
  execCPUAffinity: .init(initial: "0-3,7", final: "1"))

private let completeLinux = Config.Linux(
  namespaces: Config.NamespaceType.allCases.map { .init(type: $0) },
  uidMappings: [.init(containerID: 0, hostID: 1000, size: 65536)],
  gidMappings: [.init(containerID: 0, hostID: 1000, size: 65536)],
  timeOffsets: .init(boottime: .init(secs: -5, nanosecs: 7), monotonic: .init(secs: 1)),
  devices: [
    .init(type: .character, path: "/dev/fuse", major: 10, minor: 229, fileMode: 438, uid: 1, gid: 2),
    .init(type: .fifo, path: "/dev/fifo"),
  ],
  netDevices: ["eth0": .init(name: "inside"), "eth1": .init()], cgroupsPath: "/a/b", resources: completeResources,
  sysctl: ["net.ipv4.ip_forward": "1", "kernel.shmmax": "2"], seccomp: completeSeccomp, rootfsPropagation: .rslave,
  maskedPaths: ["/proc/kcore"], readonlyPaths: ["/proc/sys"], mountLabel: "label",
  personality: .init(domain: .linux32, flags: ["F"]),
  intelRdt: .init(
    closID: "group", schemata: ["L3:0=f"], l3CacheSchema: "L3:0=ff", memBwSchema: "MB:0=20", enableMonitoring: true),
  memoryPolicy: .init(mode: .preferredMany, nodes: "0-1", flags: [.staticNodes]))

private let completeResources = Config.Linux.Resources(
  devices: [
    .init(allow: false), .init(allow: true, type: .character, major: 1, minor: -1, access: "rw"),
  ],
  memory: .init(
    limit: 1 << 30, reservation: 1 << 29, swap: 1 << 31, kernel: -1, kernelTCP: -1, swappiness: 60,
    disableOOMKiller: false, useHierarchy: true, checkBeforeUpdate: true),
  cpu: .init(
    shares: 1024, quota: -1, burst: 1, period: 100_000, realtimeRuntime: 2, realtimePeriod: 3, cpus: "0-1", mems: "0",
    idle: 1),
  pids: .init(limit: 100),
  blockIO: .init(
    weight: 10, leafWeight: 20, weightDevice: [.init(major: 8, minor: 0, weight: 30, leafWeight: 40)],
    throttleReadBpsDevice: [.init(major: 8, minor: 1, rate: 1)],
    throttleWriteBpsDevice: [.init(major: 8, minor: 2, rate: 2)],
    throttleReadIOPSDevice: [.init(major: 8, minor: 3, rate: 3)],
    throttleWriteIOPSDevice: [.init(major: 8, minor: 4, rate: .max)]),
  hugepageLimits: [.init(pageSize: "2MB", limit: 1 << 40)],
  network: .init(classID: 1, priorities: [.init(name: "eth0", priority: 2)]),
  rdma: ["mlx": .init(hcaHandles: 3, hcaObjects: 4), "other": .init()],
  unified: ["memory.high": "1000", "cpu.max": "max"])

private let completeSeccomp = Config.Seccomp(
  defaultAction: .errno, defaultErrnoRet: 38, architectures: Config.Seccomp.Architecture.allCases,
  flags: Config.Seccomp.Flag.allCases, listenerPath: "/run/l.sock", listenerMetadata: "meta",
  syscalls: Config.Seccomp.Action.allCases.map { .init(names: ["read"], action: $0) } + [
    .init(
      names: ["clone", "write"], action: .trace, errnoRet: 1,
      args: Config.Seccomp.Operator.allCases.map { .init(index: 5, value: .max, valueTwo: 1, op: $0) })
  ])

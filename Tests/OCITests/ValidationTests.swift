import OCI
import Testing

/// A configuration without problems, to spoil one thing in.
private let sound = Config(
  ociVersion: "1.3.0", root: .init(path: "rootfs"), process: .init(args: ["sh"], env: ["A=b"], cwd: "/"),
  linux: .init(namespaces: [.init(type: .mount), .init(type: .pid)]))

private struct Case: Sendable, CustomTestStringConvertible {
  let expected: [String]
  let spoil: @Sendable (inout Config) -> Void

  init(_ expected: String..., spoil: @escaping @Sendable (inout Config) -> Void) {
    self.expected = expected
    self.spoil = spoil
  }

  var testDescription: String { expected.joined(separator: " | ") }

  func problems(_ severity: Problem.Severity) -> [String] {
    var config = sound
    spoil(&config)
    return config.validate().filter { $0.severity == severity }.map(\.description)
  }
}

@Test func aSoundConfigurationHasNoProblems() {
  #expect(sound.validate() == [])
}

private let general = [
  Case(#"ociVersion: not a version: "one"; write "1.3.0""#) { $0.ociVersion = "one" },
  Case("ociVersion: version 2.0.0 is not supported; 1.0.0 to 1.3.0 are") { $0.ociVersion = "2.0.0" },
  Case(#"ociVersion: not a version: "1.0"; write "1.3.0""#) { $0.ociVersion = "1.0" },
  Case { $0.ociVersion = "1.0.2-dev" },
  Case { $0.ociVersion = "1.3.0-rc.1+build" },
  Case("root: required, but missing; name the root file system in root.path") { $0.root = nil },
  Case("root.path: must not be empty") { $0.root?.path = "" },
  Case(#"hostname: needs a uts namespace; add {"type": "uts"} to linux.namespaces"#) { $0.hostname = "h" },
  Case(#"domainname: needs a uts namespace; add {"type": "uts"} to linux.namespaces"#) { $0.domainname = "d" },
  Case {
    $0.hostname = "h"
    $0.linux?.namespaces.append(.init(type: .uts, path: "/proc/1/ns/uts"))
  },
  Case("mounts[0].destination: must not be empty") { $0.mounts = [.init(destination: "")] },
  Case("mounts[1]: needs both uidMappings and gidMappings, or neither") {
    $0.mounts = [
      .init(destination: "/a"), .init(destination: "/b", gidMappings: [.init(containerID: 0, hostID: 1, size: 1)]),
    ]
  },
  Case(#"hooks.poststop[1].path: must be absolute, found "b""#) {
    $0.hooks = .init(poststop: [.init(path: "/a"), .init(path: "b")])
  },
  Case("hooks.prestart[0].timeout: must be greater than 0, found 0; leave it out for no limit") {
    $0.hooks = .init(prestart: [.init(path: "/a", timeout: 0)])
  },
]

private let processes = [
  Case { $0.process = nil },
  Case("process.args: must not be empty; name the program to run") { $0.process?.args = [] },
  Case(#"process.cwd: must be absolute, found "tmp""#) { $0.process?.cwd = "tmp" },
  Case("process.cwd: must not be empty") { $0.process?.cwd = "" },
  Case(
    #"process.env[1]: must have the form NAME=value, found "B""#,
    #"process.env[2]: must have the form NAME=value, found "=""#
  ) {
    $0.process?.env = ["A=", "B", "="]
  },
  Case("process.oomScoreAdj: must be from -1000 to 1000, found 1001") { $0.process?.oomScoreAdj = 1001 },
  Case("process.rlimits[0].soft: must not be above hard, found 2 above 1") {
    $0.process?.rlimits = [.init(type: "RLIMIT_CORE", soft: 2, hard: 1)]
  },
  Case(#"process.rlimits[1].type: "RLIMIT_CORE" is already given"#) {
    $0.process?.rlimits = [.init(type: "RLIMIT_CORE", soft: 1, hard: 1), .init(type: "RLIMIT_CORE", soft: 1, hard: 1)]
  },
  Case(
    #"process.rlimits[0].type: unknown resource limit "RLIMIT_FUN"; write one of RLIMIT_AS, RLIMIT_CORE, RLIMIT_CPU, "#
      + "RLIMIT_DATA, RLIMIT_FSIZE, RLIMIT_LOCKS, RLIMIT_MEMLOCK, RLIMIT_MSGQUEUE, RLIMIT_NICE, RLIMIT_NOFILE, "
      + "RLIMIT_NPROC, RLIMIT_RSS, RLIMIT_RTPRIO, RLIMIT_RTTIME, RLIMIT_SIGPENDING, RLIMIT_STACK"
  ) { $0.process?.rlimits = [.init(type: "RLIMIT_FUN", soft: 1, hard: 1)] },
  Case("process.ioPriority.priority: must be from 0 to 7, found 8") {
    $0.process?.ioPriority = .init(class: .idle, priority: 8)
  },
  Case("process.scheduler.nice: must be from -20 to 19, found 20") {
    $0.process?.scheduler = .init(policy: .other, nice: 20)
  },
  Case("process.scheduler.nice: does not go with SCHED_RR", "process.scheduler.priority: must be from 1 to 99, found 0")
  {
    $0.process?.scheduler = .init(policy: .roundRobin, nice: 1)
  },
  Case(
    "process.scheduler.priority: does not go with SCHED_BATCH",
    "process.scheduler.runtime: does not go with SCHED_BATCH"
  ) {
    $0.process?.scheduler = .init(policy: .batch, nice: 1, priority: 1, runtime: 1)
  },
  Case(#"process.execCPUAffinity.final: not a list of CPUs: "all"; write for example "0-3,7""#) {
    $0.process?.execCPUAffinity = .init(initial: "0-3,7", final: "all")
  },
]

private let linux = [
  Case(#"linux.namespaces[2]: a second namespace of type "pid""#) { $0.linux?.namespaces.append(.init(type: .pid)) },
  Case(#"linux.namespaces[2].path: must be absolute, found "x""#) {
    $0.linux?.namespaces.append(.init(type: .ipc, path: "x"))
  },
  Case(#"linux.uidMappings: needs a user namespace; add {"type": "user"} to linux.namespaces"#) {
    $0.linux?.uidMappings = [.init(containerID: 0, hostID: 0, size: 1)]
  },
  Case(
    "linux.uidMappings[0].size: must not be 0",
    "linux.gidMappings[0]: the range goes beyond the greatest id, 4294967294"
  ) {
    $0.linux?.namespaces.append(.init(type: .user))
    $0.linux?.uidMappings = [.init(containerID: 0, hostID: 0, size: 0)]
    $0.linux?.gidMappings = [.init(containerID: 0, hostID: 2, size: .max)]
  },
  Case(#"linux.timeOffsets: needs a time namespace; add {"type": "time"} to linux.namespaces"#) {
    $0.linux?.timeOffsets = .init()
  },
  Case("linux.timeOffsets.boottime.nanosecs: must be from 0 to 999999999, found 1000000000") {
    $0.linux?.namespaces.append(.init(type: .time))
    $0.linux?.timeOffsets = .init(boottime: .init(nanosecs: 1_000_000_000))
  },
  Case(
    #"linux.sysctl["net.core.somaxconn"]: needs a namespace of type "network"; without one it would change the host"#,
    #"linux.sysctl["kernel/shmmax"]: needs a namespace of type "ipc"; without one it would change the host"#,
    #"linux.sysctl["fs.mqueue.msg_max"]: needs a namespace of type "ipc"; without one it would change the host"#,
    #"linux.sysctl["kernel.domainname"]: needs a namespace of type "uts"; without one it would change the host"#,
    #"linux.sysctl["vm.swappiness"]: is a parameter of the whole host, no namespace holds it"#
  ) {
    $0.linux?.sysctl = [
      "net.core.somaxconn": "1", "kernel/shmmax": "1", "fs.mqueue.msg_max": "1", "kernel.domainname": "d",
      "vm.swappiness": "1",
    ]
  },
  Case {
    $0.linux?.namespaces += [.init(type: .network, path: "/run/netns/x"), .init(type: .ipc)]
    $0.linux?.sysctl = ["net/ipv4/ip_forward": "1", "kernel.msgmax": "1", "fs.mqueue.msg_max": "1"]
  },
  Case(#"linux.maskedPaths[1]: must be absolute, found "b""#, "linux.readonlyPaths[0]: must not be empty") {
    $0.linux?.maskedPaths = ["/a", "b"]
    $0.linux?.readonlyPaths = [""]
  },
  Case(
    #"linux.devices[0].path: must be absolute, found "null""#,
    #"linux.devices[0].minor: required, but missing: the type is "c""#,
    "linux.devices[1].major: must be from 0 to 4095, found -1"
  ) {
    $0.linux?.devices = [
      .init(type: .character, path: "null", major: 1), .init(type: .block, path: "/b", major: -1, minor: 0),
      .init(type: .fifo, path: "/fifo"),
    ]
  },
  Case(#"linux.netDevices: needs a network namespace; add {"type": "network"} to linux.namespaces"#) {
    $0.linux?.netDevices = ["eth0": .init()]
  },
  Case(
    #"linux.netDevices["a/b"]: not a name of a network device: "a/b""#,
    #"linux.netDevices["eth0"].name: not a name of a network device: "a name that is too long""#
  ) {
    $0.linux?.namespaces.append(.init(type: .network))
    $0.linux?.netDevices = ["a/b": .init(), "eth0": .init(name: "a name that is too long")]
  },
  Case("linux.memoryPolicy.mode: required, but missing") { $0.linux?.memoryPolicy = .init(nodes: "0-1") },
  Case(
    #"linux.intelRdt.closID: not a name of a directory: "..""#,
    #"linux.intelRdt.memBwSchema: must be one line that starts with "MB:", found "L3:0=f""#
  ) { $0.linux?.intelRdt = .init(closID: "..", memBwSchema: "L3:0=f") },
]

private let limits = [
  Case(#"linux.resources.devices[0].access: must be made of "r", "w" and "m", found "rx""#) {
    $0.linux?.resources = .init(devices: [.init(allow: true, access: "rx")])
  },
  Case(
    #"linux.resources.hugepageLimits[1].pageSize: not a page size: "64kB"; "#
      + #"write it as the kernel does, for example "64KB", "2MB" or "1GB""#
  ) {
    $0.linux?.resources = .init(hugepageLimits: [.init(pageSize: "1GB", limit: 1), .init(pageSize: "64kB", limit: 1)])
  },
  Case(#"linux.resources.unified["../x"]: must be a file name without slashes"#) {
    $0.linux?.resources = .init(unified: ["memory.high": "1", "../x": "1"])
  },
  Case("linux.resources.memory.swappiness: must be from 0 to 100, found 101") {
    $0.linux?.resources = .init(memory: .init(swappiness: 101))
  },
  Case(
    "linux.resources.memory.swap: must not be below limit, found 1 below 2; it counts memory and swap together"
  ) { $0.linux?.resources = .init(memory: .init(limit: 2, swap: 1)) },
  Case { $0.linux?.resources = .init(memory: .init(limit: 2, swap: -1)) },
  Case(
    "linux.seccomp.defaultAction: must not be SCMP_ACT_NOTIFY: the container's own start would wait for an answer"
  ) { $0.linux?.seccomp = .init(defaultAction: .notify) },
  Case("linux.seccomp.syscalls[0].args[0].index: must be from 0 to 5, found 6: a system call has six arguments") {
    $0.linux?.seccomp = .init(
      defaultAction: .allow,
      syscalls: [.init(names: ["read"], action: .errno, args: [.init(index: 6, value: 0, op: .equal)])])
  },
  Case("linux.seccomp.syscalls[0].names: must name at least one system call") {
    $0.linux?.seccomp = .init(defaultAction: .allow, syscalls: [.init(names: [], action: .log)])
  },
  Case("annotations: must not have an empty key") { $0.annotations[""] = "x" },
  Case("linux.resources.blockIO.weightDevice[0]: must have weight or leafWeight") {
    $0.linux?.resources = .init(blockIO: .init(weightDevice: [.init(major: 8, minor: 0)]))
  },
  Case("linux.seccomp.listenerPath: required, but missing: a rule has the action SCMP_ACT_NOTIFY") {
    $0.linux?.seccomp = .init(defaultAction: .allow, syscalls: [.init(names: ["read"], action: .notify)])
  },
  Case {
    $0.annotations["run.oci.seccomp.receiver"] = "/run/x"
    $0.linux?.seccomp = .init(defaultAction: .allow, syscalls: [.init(names: ["read"], action: .notify)])
  },
]

@Test(arguments: general + processes + linux + limits)
private func whatCannotWorkIsAnError(_ test: Case) {
  #expect(test.problems(.error) == test.expected)
}

@Test(arguments: [
  Case(#"mounts[0].destination: should be absolute, found "proc"; it is taken as "/proc""#) {
    $0.mounts = [.init(destination: "proc")]
  },
  Case(#"process.capabilities.bounding[1]: unknown capability "CAP_NEW""#) {
    $0.process?.capabilities = .init(bounding: ["CAP_KILL", "CAP_NEW"])
  },
  Case("linux.resources.memory.kernel: not limited: Linux does not since 5.16, and never did with cgroup v2") {
    $0.linux?.resources = .init(memory: .init(kernel: 4096))
  },
  Case(#"process.capabilities.effective[0]: "CAP_KILL" has no effect: it is not permitted"#) {
    $0.process?.capabilities = .init(effective: ["CAP_KILL"])
  },
  Case(
    "linux.uidMappings: empty: no id of the new user namespace is mapped, all files belong to nobody there",
    "linux.gidMappings: empty: no id of the new user namespace is mapped, all files belong to nobody there"
  ) { $0.linux?.namespaces.append(.init(type: .user)) },
  Case(
    "linux.seccomp.defaultErrnoRet: has no effect with SCMP_ACT_ALLOW",
    "linux.seccomp.syscalls[0].errnoRet: has no effect with SCMP_ACT_LOG"
  ) {
    $0.linux?.seccomp = .init(
      defaultAction: .allow, defaultErrnoRet: 1, syscalls: [.init(names: ["read"], action: .log, errnoRet: 1)])
  },
])
private func whatOnlyHasNoEffectIsAWarning(_ test: Case) {
  #expect(test.problems(.warning) == test.expected)
  #expect(test.problems(.error) == [])
}

@Test func ambientCapabilitiesThatCannotBeAreARemark() {
  var config = sound
  config.process?.capabilities = .init(
    inheritable: ["CAP_KILL", "CAP_CHOWN"], permitted: ["CAP_KILL", "CAP_SYSLOG"],
    ambient: ["CAP_KILL", "CAP_SYSLOG", "CAP_CHOWN"])
  #expect(
    config.validate() == [
      Problem(
        .remark, "process.capabilities.ambient",
        "no effect of CAP_SYSLOG, CAP_CHOWN: not both permitted and inheritable")
    ])
}

@Test func allProblemsAreReportedAtOnce() {
  var config = sound
  config.ociVersion = "x"
  config.root = nil
  config.process?.args = []
  config.process?.cwd = "x"
  config.hostname = "h"
  config.mounts = [.init(destination: "")]
  config.linux?.timeOffsets = .init()
  #expect(
    config.validate().map(\.path) == [
      "ociVersion", "root", "process.args", "process.cwd", "mounts[0].destination", "hostname", "linux.timeOffsets",
    ])
}

@Test func documentsOfTheirOwnAreCheckedToo() {
  #expect(Config.Process(args: [], cwd: "/").validate().map(\.path) == ["process.args"])
  #expect(
    Config.Linux.Resources(memory: .init(swappiness: 200)).validate().map(\.path) == ["resources.memory.swappiness"])
}

@Test(arguments: [
  ("kernel.msgmax", "kernel/msgmax"), ("net.ipv4.conf.eth0/1.forwarding", "net/ipv4/conf/eth0.1/forwarding"),
  ("net/ipv4/conf/eth0.1/forwarding", "net/ipv4/conf/eth0.1/forwarding"),
])
func theFirstSeparatorOfAKernelParameterSeparates(_ key: String, _ path: String) {
  #expect(Config.Linux.sysctlPath(key) == path)
  #expect(Config.Linux.namespace(ofSysctl: key) == (path.hasPrefix("net/") ? .network : .ipc))
}

@Test func knownNamesAreSortedForTheSearch() {
  #expect(Config.Process.Capabilities.names == Config.Process.Capabilities.names.sorted())
  var config = sound
  config.process?.capabilities = .init(bounding: Config.Process.Capabilities.names)
  #expect(config.validate() == [])
}

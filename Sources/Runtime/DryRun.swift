import Cgroups
import Linux
import OCI
import Sandbox
import Seccomp

extension ContainerStore {
  /// What `create` and `run` would do, in order, one step a line; nothing of it is done.
  public func plan(_ id: ContainerID, _ options: CreateOptions, isAttached: Bool) throws(Failure) -> [String] {
    let creation = try Creation(id, options, in: self, isAttached: isAttached, opensFiles: false)
    return try creation.lines()
  }
}

extension Creation {
  /// The parent's part up to the clone, the child's, and what is left for `start`.
  func lines() throws(Failure) -> [String] {
    var lines = ["container " + id.text + " of " + bundle]
    lines += cgroup.hierarchies.map { "cgroup " + $0.directory }
    // Devices first: the process makes device files.
    let limits =
      try cgroup.planned(deviceRules)
      + cgroup.planned(config.linux?.resources?.withoutDevices ?? Config.Linux.Resources())
    lines += limits.map { "limit " + $0.path + " = " + $0.value }
    lines += sandbox.namespaces.lines
    if let score = sandbox.process.oomScoreAdjustment { lines.append("oom_score_adj " + String(score)) }
    lines += hooks.lines(.prestart) + hooks.lines(.createRuntime)
    lines += sandbox.rootfs.lines
    lines += hooks.lines(.createContainer)
    lines += sandbox.rootfs.finishingLines
    lines += sandbox.sysctl.map { "sysctl " + $0.path + " = " + $0.value }
    if let name = sandbox.hostname { lines.append("hostname " + name) }
    if let name = sandbox.domainname { lines.append("domainname " + name) }
    lines += hooks.lines(.startContainer)
    // Compiled without a cache that would remember it.
    let filter = try config.seccompProgram()
    if config.process != nil { lines += sandbox.process.lines(filter: (filter?.instructions.count ?? 0) / 8) }
    return lines + hooks.lines(.poststart) + hooks.lines(.poststop)
  }
}

extension ContainerHooks {
  fileprivate func lines(_ kind: HookKind) -> [String] {
    self[kind].enumerated().map { index, hook in
      let arguments = hook.args.dropFirst().map { " " + $0 }.joined()
      let limit = hook.timeout.map { " (at most " + String($0) + " s)" } ?? ""
      return "hook " + kind.rawValue + "[" + String(index) + "] " + hook.path + arguments + limit
    }
  }
}

extension NamespaceFlags {
  fileprivate static var named: [(NamespaceFlags, String)] {
    [
      (.user, "user"), (.mount, "mount"), (.pid, "pid"), (.network, "network"), (.ipc, "ipc"), (.uts, "uts"),
      (.cgroup, "cgroup"), (.time, "time"),
    ]
  }
}

extension NamespacePlan {
  fileprivate var lines: [String] {
    var lines: [String] = []
    for (kind, name) in NamespaceFlags.named {
      if created.contains(kind) { lines.append("namespace " + name + " new") }
      if let path = joined.first(where: { $0.kind == kind })?.path { lines.append("namespace " + name + " " + path) }
    }
    func trimmed(_ line: String) -> String { String(line.dropLast(line.hasSuffix("\n") ? 1 : 0)) }
    lines += userMappings.map { "uid_map " + trimmed($0.line) } + groupMappings.map { "gid_map " + trimmed($0.line) }
    return lines + timeOffsets.map { "timens_offsets " + trimmed($0) }
  }
}

extension RootfsPlan {
  fileprivate var lines: [String] {
    var lines = ["rootfs " + path]
    lines += mounts.map { $0.line }
    lines += devices.map { $0.line }
    return lines
  }

  fileprivate var finishingLines: [String] {
    var lines: [String]
    switch entry {
    case .pivotRoot: lines = ["pivot_root"]
    case .moveRoot: lines = ["move the root"]
    case .changeRoot: lines = ["chroot"]
    case .detachedTree: lines = ["chroot into a detached tree"]
    }
    if let propagation { lines.append("propagation of / " + propagation.name) }
    lines += readOnlyPaths.map { "read-only " + $0 } + maskedPaths.map { "mask " + $0 }
    if readOnly { lines.append("read-only /") }
    return lines
  }
}

extension Propagation {
  fileprivate var name: String {
    switch self {
    case .unbindable: return "unbindable"
    case .private: return "private"
    case .slave: return "slave"
    case .shared: return "shared"
    }
  }
}

extension MountPlan {
  fileprivate var line: String {
    var words: [String]
    switch source {
    case .bind(let path, let recursive): words = [recursive ? "rbind" : "bind", path]
    case .fileSystem(let type, let source): words = [type, source ?? type]
    case .cgroup: words = ["cgroup", "cgroup"]
    case .remount: words = ["remount", "-"]
    }
    words.append(destination)
    var options = set.names.map { $0 } + recursiveSet.names.map { "r" + $0 }
    options += clear.subtracting(.accessTime).names.map { "clear-" + $0 }
    options += recursiveClear.subtracting(.accessTime).names.map { "rclear-" + $0 }
    options += propagation.map { ($0.recursive ? "r" : "") + $0.propagation.name }
    if copiesUp { options.append("tmpcopyup") }
    if let idMap { options.append(idMap.recursive ? "ridmap" : "idmap") }
    if links.contains(.bindsSource) { options.append("src-nofollow") }
    if links.contains(.coversDestination) { options.append("dest-nofollow") }
    if links.contains(.copiesSource) { options.append("copy-symlink") }
    options += data.map { $0.key + ($0.value.map { "=" + $0 } ?? "") }
    if !options.isEmpty { words.append(options.joined(separator: ",")) }
    return "mount[" + String(index) + "] " + words.joined(separator: " ")
  }
}

extension MountAttributes {
  fileprivate var names: [String] {
    let all: [(MountAttributes, String)] = [
      (.readOnly, "ro"), (.noSuid, "nosuid"), (.noDev, "nodev"), (.noExec, "noexec"), (.noAccessTime, "noatime"),
      (.strictAccessTime, "strictatime"), (.noDirAccessTime, "nodiratime"), (.noSymlinkFollow, "nosymfollow"),
    ]
    return all.filter { contains($0.0) }.map { $0.1 }
  }
}

extension DevicePlan {
  fileprivate var line: String {
    var kind = "c"
    if mode & 0o170000 == FileStatus.blockDevice { kind = "b" }
    if mode & 0o170000 == FileStatus.fifo { kind = "p" }
    return "device " + path + " " + kind + " " + String(major) + ":" + String(minor) + " mode "
      + String(mode & 0o7777, radix: 8) + " owner " + String(uid) + ":" + String(gid)
  }
}

extension ProcessPlan {
  fileprivate func lines(filter: Int) -> [String] {
    var lines = terminal ? ["terminal"] : []
    lines += limits.map { "rlimit " + $0.name + " " + String($0.soft) + " " + String($0.hard) }
    if let personality { lines.append("personality " + String(personality)) }
    if let scheduler {
      lines.append("scheduler policy " + String(scheduler.policy) + " nice " + String(scheduler.nice))
    }
    if let ioClass { lines.append("ioprio class " + String(ioClass) + " priority " + String(ioPriority)) }
    if let memoryPolicy { lines.append("memory policy " + String(memoryPolicy.mode)) }
    if let apparmorProfile { lines.append("apparmor " + apparmorProfile) }
    if let selinuxLabel { lines.append("selinux " + selinuxLabel) }
    lines.append("cwd " + workingDirectory)
    let groups = additionalGroups.map { " " + String($0) }.joined()
    lines.append("user " + String(uid) + ":" + String(gid) + (groups.isEmpty ? "" : " groups" + groups))
    lines.append("umask " + String(umask, radix: 8))
    lines += capabilities.lines
    if noNewPrivileges { lines.append("no_new_privs") }
    if filter > 0 { lines.append("seccomp " + String(filter) + " instructions") }
    lines += environment.map { "env " + $0 }
    return lines + ["exec " + arguments.joined(separator: " ")]
  }
}

extension CapabilityPlan {
  fileprivate var lines: [String] {
    let sets: [(String, CapabilitySet)] = [
      ("bounding", bounding), ("permitted", permitted), ("effective", effective), ("inheritable", inheritable),
      ("ambient", ambient),
    ]
    return sets.map { name, set in
      "capabilities " + name + (set.isEmpty ? " none" : set.memberNames.map { " " + $0 }.joined())
    }
  }
}

extension Config.Process {
  /// All that is wrong with the process, for a document of its own.
  public func validate() -> [Problem] {
    var findings = Findings()
    check("process", &findings)
    return findings.problems
  }

  func check(_ path: String, _ findings: inout Findings) {
    if args.isEmpty {
      findings.error(path + ".args", "must not be empty", hint: "name the program to run")
    }
    findings.absolute(cwd, path + ".cwd")
    checkUser(path + ".user", &findings)
    for (index, entry) in env.enumerated() where !Config.Process.isAssignment(entry) {
      findings.error(
        element(path + ".env", index), "must have the form NAME=value, found " + entry.inQuotes)
    }
    if let oomScoreAdj, !(-1000...1000).contains(oomScoreAdj) {
      findings.error(path + ".oomScoreAdj", "must be from -1000 to 1000, found " + String(oomScoreAdj))
    }
    checkRlimits(path + ".rlimits", &findings)
    capabilities?.check(path + ".capabilities", &findings)
    ioPriority?.check(path + ".ioPriority", &findings)
    scheduler?.check(path + ".scheduler", &findings)
    execCPUAffinity?.check(path + ".execCPUAffinity", &findings)
  }

  /// The greatest number means "as it is" to setresuid(2): the process would keep the runtime's identity.
  private func checkUser(_ path: String, _ findings: inout Findings) {
    for (name, id) in [("uid", user.uid), ("gid", user.gid)] where id == UInt32.max {
      findings.error(path + "." + name, "must be from 0 to 4294967294, found " + String(id))
    }
    for (index, id) in user.additionalGids.enumerated() where id == UInt32.max {
      findings.error(
        element(path + ".additionalGids", index), "must be from 0 to 4294967294, found " + String(id))
    }
  }

  private static func isAssignment(_ entry: String) -> Bool {
    guard let equals = entry.utf8.firstIndex(of: UInt8(ascii: "=")) else { return false }
    return equals != entry.utf8.startIndex
  }

  private func checkRlimits(_ path: String, _ findings: inout Findings) {
    for (index, limit) in rlimits.enumerated() {
      if !Rlimit.types.contains(limit.type) {
        findings.error(
          element(path, index) + ".type", "unknown resource limit " + limit.type.inQuotes,
          hint: "write one of " + Rlimit.types.joined(separator: ", "))
      }
      if rlimits[..<index].contains(where: { $0.type == limit.type }) {
        findings.error(element(path, index) + ".type", limit.type.inQuotes + " is already given")
      }
      if limit.soft > limit.hard {
        findings.error(
          element(path, index) + ".soft",
          "must not be above hard, found " + String(limit.soft) + " above " + String(limit.hard))
      }
    }
  }
}

extension Config.Process.Rlimit {
  /// The resource limits of getrlimit(2).
  public static let types = [
    "RLIMIT_AS", "RLIMIT_CORE", "RLIMIT_CPU", "RLIMIT_DATA", "RLIMIT_FSIZE", "RLIMIT_LOCKS", "RLIMIT_MEMLOCK",
    "RLIMIT_MSGQUEUE", "RLIMIT_NICE", "RLIMIT_NOFILE", "RLIMIT_NPROC", "RLIMIT_RSS", "RLIMIT_RTPRIO", "RLIMIT_RTTIME",
    "RLIMIT_SIGPENDING", "RLIMIT_STACK",
  ]
}

extension Config.Process.Capabilities {
  /// Unknown names are what a newer engine says to an older kernel; sets that the kernel will not grant have no effect.
  /// Other runtimes say so and go on.
  func check(_ path: String, _ findings: inout Findings) {
    Self.checkNames(bounding, path + ".bounding", &findings)
    Self.checkNames(effective, path + ".effective", &findings)
    Self.checkNames(inheritable, path + ".inheritable", &findings)
    Self.checkNames(permitted, path + ".permitted", &findings)
    Self.checkNames(ambient, path + ".ambient", &findings)
    for (index, capability) in effective.enumerated() where !permitted.contains(capability) {
      findings.warn(element(path + ".effective", index), capability.inQuotes + " has no effect: it is not permitted")
    }
    let idle = ambient.filter { !permitted.contains($0) || !inheritable.contains($0) }
    if !idle.isEmpty {
      // Since CVE-2022-29162 engines make nothing inheritable, and some still ask for all of it to be ambient.
      findings.remark(
        path + ".ambient", "no effect of " + idle.joined(separator: ", ") + ": not both permitted and inheritable")
    }
  }

  private static func checkNames(_ set: [String], _ path: @autoclosure () -> String, _ findings: inout Findings) {
    for (index, capability) in set.enumerated() where !isKnown(capability) {
      findings.warn(element(path(), index), "unknown capability " + capability.inQuotes)
    }
  }

  private static func isKnown(_ name: String) -> Bool {
    // By halves: an engine sends some fifty names.
    var low = 0
    var high = names.count
    while low < high {
      let middle = (low + high) / 2
      if names[middle] == name { return true }
      if names[middle] < name { low = middle + 1 } else { high = middle }
    }
    return false
  }

  /// The capabilities of Linux 6.18, see capabilities(7), in alphabetical order.
  public static let names = [
    "CAP_AUDIT_CONTROL", "CAP_AUDIT_READ", "CAP_AUDIT_WRITE", "CAP_BLOCK_SUSPEND", "CAP_BPF", "CAP_CHECKPOINT_RESTORE",
    "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID", "CAP_IPC_LOCK", "CAP_IPC_OWNER",
    "CAP_KILL", "CAP_LEASE", "CAP_LINUX_IMMUTABLE", "CAP_MAC_ADMIN", "CAP_MAC_OVERRIDE", "CAP_MKNOD", "CAP_NET_ADMIN",
    "CAP_NET_BIND_SERVICE", "CAP_NET_BROADCAST", "CAP_NET_RAW", "CAP_PERFMON", "CAP_SETFCAP", "CAP_SETGID",
    "CAP_SETPCAP", "CAP_SETUID", "CAP_SYSLOG", "CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_CHROOT", "CAP_SYS_MODULE",
    "CAP_SYS_NICE", "CAP_SYS_PACCT", "CAP_SYS_PTRACE", "CAP_SYS_RAWIO", "CAP_SYS_RESOURCE", "CAP_SYS_TIME",
    "CAP_SYS_TTY_CONFIG", "CAP_WAKE_ALARM",
  ]
}

extension Config.Process.IOPriority {
  func check(_ path: String, _ findings: inout Findings) {
    if !(0...7).contains(priority) {
      findings.error(path + ".priority", "must be from 0 to 7, found " + String(priority))
    }
  }
}

extension Config.Process.Scheduler {
  /// sched_setattr(2) refuses or ignores what does not belong to the policy.
  func check(_ path: String, _ findings: inout Findings) {
    if !(-20...19).contains(nice) {
      findings.error(path + ".nice", "must be from -20 to 19, found " + String(nice))
    } else if nice != 0, policy != .other, policy != .batch {
      findings.error(path + ".nice", "does not go with " + policy.rawValue)
    }
    switch policy {
    case .fifo, .roundRobin:
      if !(1...99).contains(priority) {
        findings.error(path + ".priority", "must be from 1 to 99, found " + String(priority))
      }
    default:
      if priority != 0 { findings.error(path + ".priority", "does not go with " + policy.rawValue) }
    }
    for (name, value) in [("runtime", runtime), ("deadline", deadline), ("period", period)]
    where value != 0 && policy != .deadline {
      findings.error(path + "." + name, "does not go with " + policy.rawValue)
    }
    if policy == .iso { findings.warn(path + ".policy", "SCHED_ISO is not implemented by Linux") }
  }
}

extension Config.Process.ExecCPUAffinity {
  func check(_ path: String, _ findings: inout Findings) {
    for (name, list) in [("initial", initial), ("final", `final`)] {
      guard let list, !list.isNumberList else { continue }
      findings.error(path + "." + name, "not a list of CPUs: " + list.inQuotes, hint: "write for example \"0-3,7\"")
    }
  }
}

import Linux

/// Turns the calling process into the one the plan describes: the last steps of `create`, `run` and `exec`.
extension ProcessPlan {
  /// What can be done, and can fail, before the container is started: limits, working directory, finding the program.
  mutating func prepare() throws(Failure) {
    CurrentProcess.setUmask(umask)
    for limit in limits {
      try step("rlimit " + limit.name, hint: limitHint) { () throws(SystemError) in
        try CurrentProcess.setLimit(limit.resource, soft: limit.soft, hard: limit.hard)
      }
    }
    if let personality {
      try step("personality") { () throws(SystemError) in try ProcessAttributes.setPersonality(personality) }
    }
    try setScheduling()
    if let landlock { landlockRuleset = try landlock.ruleset() }
    addHome()
    addListenVariables()
    if arguments.isEmpty { return }
    let isThere = try enterWorkingDirectoryAsRuntime()
    try asUser { (self) throws(Failure) in
      if !isThere { try self.enterWorkingDirectory() }
      self.program = try self.findProgram()
    }
  }

  /// Through the caller's /proc, with the caller's rights: before any namespace is entered.
  func setOOMScore() throws(Failure) {
    guard let oomScoreAdjustment else { return }
    try step("oomScoreAdj", hint: { $0 == .permissionDenied ? "lowering it needs CAP_SYS_RESOURCE" : nil }) {
      () throws(SystemError) in
      do throws(SystemError) {
        try openFile("/proc/self/oom_score_adj", .writeOnly).write(String(oomScoreAdjustment))
      } catch {
        throw error.on("/proc/self/oom_score_adj")
      }
    }
  }

  private func limitHint(_ errno: Errno) -> String? {
    errno == .notPermitted ? "raising a hard limit needs CAP_SYS_RESOURCE" : nil
  }

  private func setScheduling() throws(Failure) {
    if let ioClass {
      try step("ioPriority") { () throws(SystemError) in
        try ProcessAttributes.setIOPriority(class: ioClass, priority: ioPriority)
      }
    }
    if let scheduler {
      try step("scheduler") { () throws(SystemError) in
        try ProcessAttributes.setScheduler(
          policy: scheduler.policy, flags: scheduler.flags, nice: scheduler.nice, priority: scheduler.priority,
          runtime: scheduler.runtime, deadline: scheduler.deadline, period: scheduler.period)
      }
    }
    if let memoryPolicy {
      try step("memoryPolicy") { () throws(SystemError) in
        try ProcessAttributes.setMemoryPolicy(mode: memoryPolicy.mode, nodes: memoryPolicy.nodes)
      }
    }
  }

  /// Runs the body with the access rights the program will have, then takes back the own ones: what only root may
  /// reach must not be found for a user.
  private mutating func asUser(_ body: (inout ProcessPlan) throws(Failure) -> Void) throws(Failure) {
    let own = (uid: CurrentProcess.effectiveUID, gid: CurrentProcess.effectiveGID)
    try setGroups()
    guard uid != own.uid else { return try body(&self) }
    try step("user") { () throws(SystemError) in
      try Credentials.setEffectiveGroup(gid)
      try Credentials.setEffectiveUser(uid)
    }
    var failure: Failure?
    do { try body(&self) } catch { failure = error }
    try step("user") { () throws(SystemError) in
      try Credentials.setEffectiveUser(own.uid)
      try Credentials.setEffectiveGroup(own.gid)
    }
    if let failure { throw failure }
  }

  /// Where a user namespace denies setgroups(2), the groups stay as they are; others cannot be had.
  private func setGroups() throws(Failure) {
    if keepsOriginalGroups { return }
    do {
      try Credentials.setSupplementaryGroups(additionalGroups)
    } catch {
      let isDenied =
        error.errno == .notPermitted && (try? Credentials.capabilities().effective.contains(.setgid)) == true
      guard isDenied else { throw Failure("user", error) }
      if additionalGroups.isEmpty { return }
      throw Failure(
        "process.user.additionalGids", error,
        hint: "the container's user namespace does not allow it; it needs groups from /etc/subgid")
    }
  }

  /// The program may be put where its user could not go by himself. `false` where only he may go: into a home on NFS, say.
  private func enterWorkingDirectoryAsRuntime() throws(Failure) -> Bool {
    do throws(Failure) {
      try enterWorkingDirectory()
      return true
    } catch {
      guard error.errno == .permissionDenied else { throw error }
      return false
    }
  }

  private func enterWorkingDirectory() throws(Failure) {
    let directory = workingDirectory
    try step("process.cwd") { () throws(SystemError) in try CurrentProcess.changeDirectory(directory) }
    // Through a descriptor of the host's a process could stand outside its root (CVE-2024-21626).
    let here = try step("process.cwd") { () throws(SystemError) in try currentDirectory() }
    guard here.hasPrefix("/") else {
      throw Failure("process.cwd \"" + directory + "\" leads out of the container's root file system")
    }
  }

  // MARK: the program

  /// The path execve(2) gets: `args[0]` itself when it has a slash, else the first match in the container's PATH.
  private func findProgram() throws(Failure) -> String {
    let name = arguments[0]
    if name.utf8.contains(UInt8(ascii: "/")) {
      do {
        try checkExecutable(name)
      } catch {
        throw ProcessPlan.notExecutable(name, error)
      }
      return name
    }
    var refused: SystemError?
    for directory in searchPath.split(separator: ":", omittingEmptySubsequences: false) where !name.isEmpty {
      let path = (directory.isEmpty ? "." : String(directory)) + "/" + name
      do {
        try checkExecutable(path)
        return path
      } catch {
        // As execvp(3): the search goes on where there is nothing, and behind what may not be executed.
        switch error.errno {
        case .noSuchFileOrDirectory, .notDirectory, .isDirectory: continue
        case .permissionDenied: refused = error
        default: throw ProcessPlan.notExecutable(name, error)
        }
      }
    }
    if let refused { throw ProcessPlan.notExecutable(name, refused) }
    throw Failure("exec \"" + name + "\": executable file not found in $PATH", errno: .noSuchFileOrDirectory)
  }

  private var searchPath: String {
    let prefix = "PATH="
    guard let entry = environment.last(where: { $0.hasPrefix(prefix) }) else {
      return "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    }
    return String(entry.dropFirst(prefix.count))
  }

  /// In words that engines know: they look for these to tell 127 from 126.
  static func notExecutable(_ name: String, _ cause: SystemError) -> Failure {
    let reason: String
    switch cause.errno {
    case .noSuchFileOrDirectory, .notDirectory: reason = "no such file or directory"
    case .permissionDenied: reason = "permission denied"
    case .isDirectory: reason = "is a directory: permission denied"
    default: reason = cause.errno.description
    }
    return Failure("exec \"" + name + "\": " + reason, errno: cause.errno)
  }

  // MARK: environment

  /// HOME from the image's /etc/passwd, if the configuration sets none: what every login has.
  private mutating func addHome() {
    if environment.contains(where: { $0.hasPrefix("HOME=") && $0.utf8.count > 5 }) { return }
    environment.removeAll { $0 == "HOME=" }
    environment.append("HOME=" + (PasswordFile.home(of: uid) ?? "/"))
  }

  private mutating func addListenVariables() {
    guard listenDescriptors > 0 else { return }
    environment.append("LISTEN_FDS=" + String(listenDescriptors))
    environment.append("LISTEN_PID=" + String(CurrentProcess.pid))
  }

  // MARK: the last steps

  /// Gives up what the program is not to have and becomes the program. Returns only by throwing.
  ///
  /// - Parameter starter: is told when a filter that notifies is loaded, and gets the descriptor for its listener.
  func execute(_ filter: FilterPlan, reportingTo starter: borrowing Socket) throws(Failure) {
    let preserved = 3 + preservedDescriptors
    try step("descriptors") { () throws(SystemError) in
      try Descriptor.closeOnExec(from: preserved)
      for number in 3..<max(3, preserved) where Descriptor.isOpen(number) {
        let descriptor = Descriptor(taking: number)
        try descriptor.setCloseOnExec(false)
        _ = descriptor.release()
      }
    }
    try writeLabels()
    // Without no_new_privs, both walls need CAP_SYS_ADMIN: before the capabilities go.
    if !noNewPrivileges {
      try enforceLandlock()
      try load(filter, starter)
    }
    try setCredentials()
    if noNewPrivileges {
      try step("noNewPrivileges") { () throws(SystemError) in try CurrentProcess.setNoNewPrivileges() }
      try enforceLandlock()
      try load(filter, starter)
    }
    SignalReader.reset()
    do {
      try CurrentProcess.execute(program, arguments, environment: environment)
    } catch {
      throw ProcessPlan.notExecutable(arguments[0], error)
    }
    CurrentProcess.exit(255)
  }

  private func enforceLandlock() throws(Failure) {
    if landlockRuleset < 0 { return }
    try step("org.apus.landlock") { () throws(SystemError) in
      try Landlock.enforce(Descriptor(taking: landlockRuleset))
    }
  }

  /// From here on the filter meets our own calls, too. The listener answers them as soon as it has the descriptor, which
  /// takes one call: the profile was checked to allow that (``SeccompProgram``).
  private func load(_ filter: FilterPlan, _ starter: borrowing Socket) throws(Failure) {
    if filter.instructions.isEmpty { return }
    try step("seccomp") { () throws(SystemError) in
      guard let listener = try ProcessAttributes.loadFilter(filter.instructions, flags: filter.flags) else { return }
      try starter.send(ChildMessage.filterLoaded.bytes, descriptor: listener.number)
      // Not closed, which the filter may forbid: execve(2) does that.
      _ = listener.release()
    }
  }

  private func setCredentials() throws(Failure) {
    try step("capabilities.bounding") { () throws(SystemError) in
      try Credentials.limitBounding(to: capabilities.bounding)
    }
    try setGroups()
    try step("user") { () throws(SystemError) in
      try Credentials.setKeepCapabilities(true)
      try Credentials.setGroup(gid)
      try Credentials.setUser(uid)
    }
    try step("capabilities") { () throws(SystemError) in
      // What the runtime itself lacks it cannot hand on.
      let own = try Credentials.capabilities().permitted
      try Credentials.setCapabilities(
        effective: capabilities.effective.intersection(own), permitted: capabilities.permitted.intersection(own),
        inheritable: capabilities.inheritable.intersection(own))
      _ = try Credentials.setAmbient(capabilities.ambient)
    }
  }
}

/// The image's /etc/passwd (passwd(5)): hostile, so read from a regular file and up to a limit.
enum PasswordFile {
  static func home(of uid: UInt32) -> String? {
    // Looked at before it is opened, too: the opening of a device can do harm by itself.
    guard (try? fileStatus("/etc/passwd").isRegular) == true,
      let file = try? openFile("/etc/passwd", [.readOnly, .nonBlocking]), (try? file.status().isRegular) == true,
      let bytes = try? file.readAll(limit: 10 << 20)
    else { return nil }
    for fields in colonSeparated(bytes) where fields.count >= 6 && decimal(fields[2]) == UInt64(uid) {
      if !fields[5].isEmpty { return String(decoding: fields[5], as: UTF8.self) }
    }
    return nil
  }
}

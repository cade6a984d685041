import Linux

extension Cgroup {
  /// Makes the cgroup in every hierarchy, ready to take processes and limits.
  ///
  /// On v1 a cpuset gets CPUs and memory nodes from the one above, without which no process may enter. On pure v2 the
  /// controllers there are get enabled from the root downwards as far as possible: whether a missing one matters shows
  /// when a limit asks for it. On hybrid machines that is left to the first limit that needs it.
  ///
  /// What it made is removed again when it fails half-way. A v1 hierarchy that is not mounted is left out.
  ///
  /// Of a scope, only what systemd does not make.
  ///
  /// - Parameter whereAllowed: leaves out hierarchies in which the caller may not make directories (rootless).
  /// - Throws: also when the cgroup exists and holds processes, or cannot hold any. Whether one that was made can is not looked at:
  ///   below a threaded cgroup it cannot, which shows when a process is to be born there (``Hierarchy/complaintOfThreads``).
  public mutating func create(whereAllowed: Bool = false) throws(Failure) {
    var made: [String] = []
    var left: [Int] = []
    do throws(Failure) {
      for (index, hierarchy) in hierarchies.enumerated() where !isSystemds(hierarchy) {
        do throws(Failure) {
          try Creation.make(hierarchy, isOnly: hierarchies.count == 1, &made)
        } catch {
          guard let errno = error.errno else { throw error }
          let isForbidden = errno == .permissionDenied || errno == .notPermitted || errno == .readOnlyFileSystem
          let isMissing = errno == .noSuchFileOrDirectory && hierarchy.kind == .v1 && !pathExists(hierarchy.mountPoint)
          guard isMissing || whereAllowed && isForbidden else { throw error }
          left.append(index)
        }
      }
    } catch {
      for directory in made.reversed() { try? removeDirectory(directory) }
      throw error
    }
    for index in left.reversed() { hierarchies.remove(at: index) }
  }
}

extension Hierarchy {
  /// Why no process can be born in the cgroup, if it is one of v2 that is for threads (kernel documentation,
  /// admin-guide/cgroup-v2.rst, "Threads"): the kernel says no more than that it is not supported.
  public var complaintOfThreads: String? {
    guard kind == .v2, let type = readControl(directory + "/cgroup.type"),
      type == "domain invalid" || type == "threaded"
    else { return nil }
    return directory + " is \"" + type
      + "\": a container cannot live below a threaded cgroup; choose another linux.cgroupsPath"
  }
}

private enum Creation {
  static func make(_ hierarchy: Hierarchy, isOnly: Bool, _ made: inout [String]) throws(Failure) {
    let directory = hierarchy.directory
    let isCpuset = hierarchy.kind == .v1 && hierarchy.controls("cpuset")
    let fresh = try filled(from: isCpuset ? splitPath(directory).parent : nil) { () throws(Failure) in
      try makeDirectories(hierarchy, directory, &made)
    }
    if !fresh {
      try refuseProcesses(in: directory)
      if let complaint = hierarchy.complaintOfThreads { throw Failure("cgroup: " + complaint) }
    }
    if isCpuset { try fillCpuset(hierarchy, directory) }
    if hierarchy.kind == .v2 && isOnly { enableAvailable(hierarchy) }
  }

  /// Makes the directory and those missing above it; `false`: it was there. One call where only the last is missing.
  private static func makeDirectories(_ hierarchy: Hierarchy, _ path: String, _ made: inout [String]) throws(Failure)
    -> Bool
  {
    for _ in 0..<8 {
      do throws(SystemError) {
        try makeDirectory(path)
        made.append(path)
        return true
      } catch {
        if error.errno == .fileExists { return false }
        // Never the mount point itself: what is made there would be a plain directory.
        let parent = splitPath(path).parent
        guard error.errno == .noSuchFileOrDirectory, parent.utf8.count > hierarchy.mountPoint.utf8.count else {
          throw Failure("cgroup", error, hint: hint(error))
        }
        // Somebody may remove the parent again before we come back: then once more.
        _ = try makeDirectories(hierarchy, parent, &made)
      }
    }
    throw Failure("cgroup: mkdir \"" + path + "\": the directory above keeps disappearing")
  }

  private static func hint(_ error: SystemError) -> String? {
    switch error.errno {
    case .permissionDenied, .notPermitted, .readOnlyFileSystem:
      return "this user may not make cgroups there: delegate a cgroup, or use --cgroup-manager disabled"
    case .wouldBlock:
      return "cgroup.max.descendants or cgroup.max.depth of a cgroup above is reached"
    default: return nil
    }
  }

  /// Two containers in one cgroup would be killed, frozen and limited together.
  private static func refuseProcesses(in directory: String) throws(Failure) {
    guard let processes = readControl(directory + "/cgroup.procs"), !processes.isEmpty else { return }
    throw Failure("cgroup: " + directory + " already exists and holds processes; choose another linux.cgroupsPath")
  }

  /// While `make` runs, new cpusets below `parent` have its CPUs and memory nodes from the start (cgroup.clone_children, cpuset(7)).
  ///
  /// To write them into one that is there already makes the kernel build its scheduling domains anew, which takes longer than
  /// any other step of making a cgroup. Who makes one at the same time and finds it empty, fills it.
  private static func filled<R>(from parent: String?, _ make: () throws(Failure) -> R) throws(Failure) -> R {
    guard let parent, let flag = try? openFile(parent + "/cgroup.clone_children", .readWrite),
      (try? flag.read(upTo: 2)) == Array("0\n".utf8), (try? flag.write("1")) != nil
    else { return try make() }
    defer { try? flag.write("0") }
    return try make()
  }

  /// Sees to it that the cpuset has CPUs and memory nodes, from the top down.
  ///
  /// A parent that has none gets its own parent's, and then hands them on by itself (cgroup.clone_children): the next
  /// container finds its cpuset filled.
  private static func fillCpuset(_ hierarchy: Hierarchy, _ directory: String) throws(Failure) {
    if let cpus = readControl(directory + "/cpuset.cpus"), !cpus.isEmpty { return }
    guard directory.utf8.count > hierarchy.mountPoint.utf8.count else { return }
    let parent = splitPath(directory).parent
    try fillCpuset(hierarchy, parent)
    for file in ["/cpuset.cpus", "/cpuset.mems"] {
      guard let value = readControl(parent + file), !value.isEmpty else { continue }
      try write(value, directory + file)
    }
    if directory != hierarchy.directory { try write("1", directory + "/cgroup.clone_children") }
  }

  private static func write(_ value: String, _ path: String) throws(Failure) {
    try step("cgroup: write \"" + value + "\" to " + path) { () throws(SystemError) in
      try openFile(path, .writeOnly).write(value)
    }
  }

  /// Enables on pure v2 what the root has, level by level, as far as it goes.
  private static func enableAvailable(_ hierarchy: Hierarchy) {
    guard let available = readControl(hierarchy.mountPoint + "/cgroup.controllers"), !available.isEmpty else { return }
    // Mostly somebody has done so before, for the levels that all containers have in common.
    if readControl(hierarchy.directory + "/cgroup.controllers") == available { return }
    let wanted = available.split(separator: " ")
    var level = hierarchy.mountPoint
    for part in hierarchy.path.split(separator: "/") {
      Controllers.enable(wanted, in: level)
      level += "/" + part
    }
  }
}

/// Which controllers of cgroup v2 a cgroup gives to its children (cgroup.subtree_control).
enum Controllers {
  /// Enables what the cgroup itself has.
  static func enableAll(in directory: String) {
    enable((readControl(directory + "/cgroup.controllers") ?? "").split(separator: " "), in: directory)
  }

  /// Enables what is missing; all at once, or, when one of them is refused, one at a time.
  static func enable(_ wanted: [Substring], in directory: String) {
    guard let enabled = readControl(directory + "/cgroup.subtree_control") else { return }
    let present = enabled.split(separator: " ")
    let missing = wanted.filter { !present.contains($0) }.map { "+" + $0 }
    if missing.isEmpty || holdsProcesses(directory) { return }
    if write(missing.joined(separator: " "), directory) == nil { return }
    for controller in missing { _ = write(controller, directory) }
  }

  /// Sees to it that the cgroup has the controllers, from wherever above it one is missing.
  ///
  /// - Throws: why it cannot be, for a limit that needs it.
  static func require(_ wanted: [Substring], for hierarchy: Hierarchy) throws(Failure) {
    // `cgroup.max.depth` and its like belong to no controller.
    try require(wanted.filter { $0 != "cgroup" }, in: hierarchy.directory, hierarchy)
  }

  private static func require(_ wanted: [Substring], in directory: String, _ hierarchy: Hierarchy) throws(Failure) {
    if wanted.isEmpty { return }
    let present = (readControl(directory + "/cgroup.controllers") ?? "").split(separator: " ")
    let missing = wanted.filter { !present.contains($0) }
    guard let first = missing.first else { return }
    guard directory.utf8.count > hierarchy.mountPoint.utf8.count else {
      throw Failure(
        "cgroup: the controller \"" + first + "\" is not available on cgroup v2 at " + hierarchy.mountPoint
          + "; the kernel does not have it, or it is mounted as cgroup v1, or was not delegated")
    }
    let parent = splitPath(directory).parent
    try require(missing, in: parent, hierarchy)
    for controller in missing {
      guard let error = holdsProcesses(parent) ? busy : write("+" + controller, parent) else { continue }
      var text = "cgroup: write \"+" + controller + "\" to " + parent + "/cgroup.subtree_control: "
      text += error.errno.description
      if error.errno == .resourceBusy {
        text += "; that cgroup holds processes itself, and then cgroup v2 gives no controllers to its children"
      }
      throw Failure(text, errno: error.errno)
    }
  }

  /// Whether the cgroup has processes of its own and is not the root, which may.
  ///
  /// Looked at beforehand: asked for cpu or pids alone, the kernel would make it the root of a threaded subtree instead
  /// of refusing, and then no process at all can live below it.
  private static func holdsProcesses(_ directory: String) -> Bool {
    pathExists(directory + "/cgroup.type") && !(readControl(directory + "/cgroup.procs") ?? "").isEmpty
  }

  private static var busy: SystemError { SystemError(call: "write", subject: "", errno: .resourceBusy) }

  private static func write(_ value: String, _ directory: String) -> SystemError? {
    do throws(SystemError) {
      try openFile(directory + "/cgroup.subtree_control", .writeOnly).write(value)
      return nil
    } catch {
      return error
    }
  }
}

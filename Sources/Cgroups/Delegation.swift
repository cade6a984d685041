import Linux

/// What a container may do with its own cgroup on cgroup v2 (cgroups(7), "Cgroups delegation").
extension Cgroup {
  /// Makes a cgroup below the container's, and moves the container process there: it may make others beside it, and share the
  /// limits of the container's own cgroup, which then holds no processes, among them.
  public func delegate(_ name: String, to pid: Int32) throws(Failure) {
    let below = Cgroup.clean(name)
    guard let unified, hierarchies.count == 1 else {
      throw Failure(
        "cgroup: run.oci.delegate-cgroup: only cgroup v2 can hand a cgroup over to a container safely, and here is v1")
    }
    guard below.split(separator: "/").count == 1 else {
      throw Failure("cgroup: run.oci.delegate-cgroup: \"" + name + "\" is not the name of a cgroup")
    }
    try step("cgroup: delegate") { () throws(SystemError) in
      try makeDirectory(unified.directory + below)
      try openFile(unified.directory + below + "/cgroup.procs", .writeOnly).write(String(pid))
    }
  }

  /// Gives the container's cgroup, and the one made for its processes, to a user: the directories, and the files for making
  /// cgroups below and for moving processes. The limits stay whose they are (config-linux.md, "Cgroup ownership").
  public func giveOwnership(to user: UInt32, delegated: String) throws(Failure) {
    guard let unified, hierarchies.count == 1 else { return }
    let files = readControl("/sys/kernel/cgroup/delegate") ?? "cgroup.procs\ncgroup.subtree_control\ncgroup.threads"
    let below = Cgroup.clean(delegated)
    for directory in below.isEmpty ? [unified.directory] : [unified.directory, unified.directory + below] {
      try step("cgroup: change the owner of " + directory) { () throws(SystemError) in
        do throws(SystemError) {
          try openFile(directory, .path).changeOwner(uid: user)
        } catch {
          // A runtime that is not the machine's root may not give anything away.
          if error.errno == .notPermitted || error.errno == .invalidArgument { return }
          throw error
        }
        for file in files.split(separator: "\n") {
          // Which of them there are depends on the controllers.
          if !pathExists(directory + "/" + file) { continue }
          try openFile(directory + "/" + file, .path).changeOwner(uid: user)
        }
      }
    }
  }
}

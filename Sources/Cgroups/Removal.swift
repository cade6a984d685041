import Linux

extension Cgroup {
  /// Removes the cgroup from every hierarchy, with the cgroups that the container made below it. What still runs in it
  /// is killed. One that is gone already is no error.
  ///
  /// The first attempt is one call a hierarchy. Where that is refused, it kills, and waits for the processes to end – on their
  /// descriptors, not by the clock – at most ten seconds.
  public func remove() throws(Failure) {
    if let scope, hierarchies.contains(where: { isSystemds($0) && pathExists(outermost(in: $0)) }) {
      try kill()
      // Should systemd not answer, the directories can be removed all the same, and it takes notice of that.
      try? Cgroup.stop(scope)
    }
    var left: [Hierarchy] = []
    for hierarchy in hierarchies where !hierarchy.path.isEmpty {
      do throws(SystemError) {
        try removeDirectory(outermost(in: hierarchy))
      } catch {
        if !Processes.isGone(error) { left.append(hierarchy) }
      }
    }
    if left.isEmpty { return }
    try kill()
    let deadline = Clock.monotonicMilliseconds() + 10_000
    for hierarchy in left { try Removal.removeBusy(outermost(in: hierarchy), self, deadline) }
  }
}

extension Cgroup {
  private static func stop(_ scope: SystemdScope) throws(Failure) {
    var manager = try SystemdManager.connect(to: scope)
    try manager.stop()
  }
}

private enum Removal {
  static func removeBusy(_ directory: String, _ cgroup: Cgroup, _ deadline: Int64) throws(Failure) {
    var pause: Int32 = 1
    while true {
      let error: SystemError
      do throws(SystemError) {
        try removeTree(directory)
        return
      } catch let caught {
        error = caught
      }
      if Processes.isGone(error) { return }
      let now = Clock.monotonicMilliseconds()
      guard error.errno == .resourceBusy, now < deadline else {
        throw Failure("cgroup", error, hint: error.errno == .resourceBusy ? "processes in it do not end" : nil)
      }
      // This hierarchy's own list: a process can be here and no longer in the leading one.
      var pids: [Int32] = []
      try step("cgroup: list the processes of " + directory) { () throws(SystemError) in
        try Processes.collect(directory, true, &pids)
      }
      if pids.isEmpty {
        // Nobody in it, but the last one is still being taken out: a matter of microseconds.
        try step("cgroup: remove " + directory) { () throws(SystemError) in _ = try poll([], milliseconds: pause) }
        pause = min(pause * 2, 50)
        continue
      }
      cgroup.release()
      for pid in pids { try? signalProcess(pid, Signal.kill.number) }
      _ = try Processes.waitForEnd(of: pids, milliseconds: min(1000, deadline - now))
    }
  }

  /// Cgroups below first: their files go with them.
  private static func removeTree(_ path: String) throws(SystemError) {
    do {
      let directory = try Directory(path: path)
      for name in try directory.directoryNames() { try removeTree(path + "/" + name) }
      try removeDirectory(path)
    } catch {
      if error.errno != .noSuchFileOrDirectory { throw error }
    }
  }
}

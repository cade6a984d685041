import Cgroups
import Linux
import OCI
import Sandbox

extension ContainerStore {
  /// Removes everything that `create` made (runtime.md, "Delete").
  ///
  /// - Parameter force: kills what still runs, removes what a killed command has left, and finds nothing to do an
  ///   agreeable outcome.
  public func delete(_ id: ContainerID, force: Bool) throws(Failure) {
    let container: Container
    do {
      container = try find(id)
    } catch {
      // A record that cannot be read now, but perhaps later, names a process and cgroups: it must stay.
      guard force,
        error.errno == nil || error.errno == .noSuchFileOrDirectory || error.errno == .isDirectory
          || error.errno == .notDirectory
      else { throw error }
      // Neither a container nor a part of one; or a directory without a readable record, which holds nothing more.
      return try removeDirectory(id)
    }
    if force { try killAll(container) }
    try container.lock()
    let status = try container.status()
    var isOver = status == .stopped || status == .creating
    if force && !isOver { isOver = try container.record.isLeaving }
    if !isOver {
      throw Failure(
        "container \"" + id.text + "\" is " + status.rawValue + " and not stopped; kill it first, or use --force")
    }
    try destroy(container)
  }

  /// Ends every process of the container and waits until the container process is gone. Where that has ended by itself, the others –
  /// none, if it was the first of a pid namespace – end when their cgroup is removed.
  func killAll(_ container: borrowing Container) throws(Failure) {
    guard let process = try container.process() else {
      // A creator, dead or at work, has processes of which the record does not tell yet.
      if container.record.startTime == 0 { try killCgroup(container) }
      return
    }
    try step("kill") { () throws(SystemError) in
      do throws(SystemError) {
        try process.signal(Signal.kill.number)
      } catch {
        if error.errno != .noSuchProcess { throw error }
      }
    }
    try killCgroup(container)
    if try !waitForEnd(of: process, container) {
      throw Failure("container \"" + container.id.text + "\" does not end after SIGKILL")
    }
  }

  /// Waits until the container process is gone, or as good as gone: it ends behind everybody in its pid namespace, and for one who
  /// was started there from outside and whom nobody reaps that may be never.
  private func waitForEnd(of process: borrowing PIDFD, _ container: borrowing Container) throws(Failure) -> Bool {
    for _ in 0..<(ContainerStore.endTimeout / 100) {
      let ended = try step("kill") { () throws(SystemError) in try process.waitForEnd(milliseconds: 100) }
      if ended { return true }
      if try container.record.isLeaving { return true }
    }
    return false
  }

  private func killCgroup(_ container: borrowing Container) throws(Failure) {
    if container.record.cgroups.isEmpty { return }
    let cgroup = try container.cgroup()
    if cgroup.exists { try cgroup.kill() }
  }

  /// Milliseconds that a killed process may take to end.
  private static let endTimeout: Int32 = 10_000

  /// Removes the cgroups and the directory, and runs the poststop hooks.
  func destroy(_ container: borrowing Container) throws(Failure) {
    if !container.record.cgroups.isEmpty { try container.cgroup().remove() }
    try container.resourceControl?.remove()
    let hooks = container.record.hasPoststopHooks ? try container.hooks() : nil
    try removeDirectory(container.id)
    if let hooks { runPoststop(hooks) }
  }

  /// runtime.md, "Lifecycle" 13: a failure is logged and the others still run.
  func runPoststop(_ hooks: ContainerHooks) {
    if hooks[.poststop].isEmpty { return }
    var hooks = hooks
    do { try hooks.openOutput() } catch { options.warn(error.message) }
    for failure in hooks.runAll(.poststop, pid: 0) { options.warn(failure.message) }
  }
}

import Linux
import OCI
import Sandbox

extension ContainerStore {
  /// Creates and starts a container; attached, stays until it ends and removes it.
  ///
  /// - Parameters:
  ///   - keep: the container is not deleted when its process has ended.
  ///   - noSubreaper: orphans of the container are left to the system's reaper.
  /// - Returns: attached, the exit status of the process, 128 + N when signal N ended it; detached, 0.
  public func run(_ id: ContainerID, _ options: CreateOptions, detach: Bool, keep: Bool, noSubreaper: Bool)
    throws(Failure) -> Int32
  {
    if detach { return try runDetached(id, options) }
    let creation = try runnable(id, options, isAttached: true)
    return try attend(id, "run", keep: keep, noSubreaper: noSubreaper) { (signals) throws(Failure) in
      try creation.carryOut(in: self) { (created) throws(Failure) in
        let notifications = try NotifyProxy.listen(for: created.container, staysWithProcess: true)
        try awaitStart(created)
        return try Attendant(pid: created.pid, notifications: notifications).attend(created.terminal.master, signals)
      }
    }
  }

  private func runnable(_ id: ContainerID, _ options: CreateOptions, isAttached: Bool) throws(Failure) -> Creation {
    let creation = try Creation(id, options, in: self, isAttached: isAttached)
    if creation.config.process != nil { return creation }
    throw Failure(creation.configFile + ": process: missing; without it there is nothing to run")
  }

  /// Stays with a container while `live` makes it and waits for its end, and removes it then.
  ///
  /// - Returns: the exit status of its process, 128 + N when signal N ended it.
  func attend(
    _ id: ContainerID, _ command: String, keep: Bool, noSubreaper: Bool,
    _ live: (borrowing SignalReader) throws(Failure) -> ExitStatus
  ) throws(Failure) -> Int32 {
    if !noSubreaper {
      try step(command) { () throws(SystemError) in try CurrentProcess.setChildSubreaper() }
    }
    // Before the process exists: no signal may get lost between its start and our readiness.
    let signals = try step(command) { () throws(SystemError) in try SignalReader(Attendant.signals) }
    let status = try live(signals)
    if !keep { try delete(id, force: true) }
    return status.code
  }

  private func runDetached(_ id: ContainerID, _ options: CreateOptions) throws(Failure) -> Int32 {
    let creation = try runnable(id, options, isAttached: false)
    try creation.carryOut(in: self) { (created) throws(Failure) in
      try step("start") { () throws(SystemError) in try created.container.directory.remove(Container.gate) }
      let notifications = try NotifyProxy.listen(for: created.container, staysWithProcess: false)
      try awaitStart(created)
      try notifications?.relayUntilReady(created.container)
    }
    return 0
  }
}

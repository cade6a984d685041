import Linux
import OCI

extension ContainerStore {
  /// Waits until the container process has ended.
  ///
  /// - Returns: how, where that is still known: of a process that was reaped before this command could hold it, it is not.
  public func wait(_ id: ContainerID) throws(Failure) -> ExitStatus? {
    let container = try find(id)
    if try container.status() == .creating {
      throw Failure("container \"" + id.text + "\" is being created; there is nothing to wait for yet")
    }
    guard let process = try container.process() else { return try container.record.processStatus?.exitStatus }
    _ = try step("wait") { () throws(SystemError) in try process.waitForEnd(milliseconds: -1) }
    // Whoever is to reap it may do so at any moment; then the descriptor knows.
    return try container.record.processStatus?.exitStatus ?? process.exitStatus
  }
}

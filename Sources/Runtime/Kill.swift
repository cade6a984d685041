import Cgroups
import Linux
import OCI

extension ContainerStore {
  /// Sends a signal to the container process, or to every process of the container (runtime.md, "Kill").
  public func kill(_ id: ContainerID, _ signal: Signal, all: Bool) throws(Failure) {
    let container = try find(id)
    if all {
      // A stopped container may have processes left where it shares its pid namespace; none is no error.
      if !container.record.cgroups.isEmpty { return try container.cgroup().signalAll(signal) }
      guard let process = try container.process() else { return }
      return try step("kill") { () throws(SystemError) in try process.signal(signal.number) }
    }
    guard let process = try container.process() else { throw container.notRunning }
    do {
      try process.signal(signal.number)
    } catch {
      if error.errno == .noSuchProcess { throw container.notRunning }
      throw Failure("kill", error)
    }
    // What cgroup v1 has frozen dies when it is thawed, not before.
    if signal == .kill && !container.record.cgroups.isEmpty {
      let cgroup = try container.cgroup()
      if cgroup.isFrozen { try cgroup.thaw() }
    }
  }
}

import Cgroups
import Linux
import OCI

extension ContainerStore {
  /// Stops every process of the container where it stands, until ``resume(_:)``.
  ///
  /// No lock is taken, here or there: `start` may hold it for as long as hooks or a service manager take.
  public func pause(_ id: ContainerID) throws(Failure) {
    let container = try find(id)
    switch try container.status() {
    case .running, .created: try container.cgroup().freeze()
    case .paused: throw Failure("container \"" + id.text + "\": container not running: it is paused already")
    default: throw container.notRunning
    }
  }

  /// Lets a paused container's processes go on.
  public func resume(_ id: ContainerID) throws(Failure) {
    let container = try find(id)
    let status = try container.status()
    guard status == .paused else {
      throw Failure("container \"" + id.text + "\" is " + status.rawValue + ": container not paused")
    }
    try container.cgroup().thaw()
  }
}

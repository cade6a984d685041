import Cgroups
import JSON
import Linux
import OCI

/// What there is to tell of a running container, in the shape of runc's `events`.
public struct ContainerEvent: Writable {
  public let id: String
  /// What it has used; `nil`: the kernel has killed, or wanted to kill, for want of memory.
  public let statistics: ContainerStatistics?

  public func encode(to writer: inout Writer) {
    writer.object { writer in
      writer.member("type", statistics == nil ? "oom" : "stats")
      writer.member("id", id)
      writer.member("data", statistics)
    }
  }
}

/// What a container has used until one moment.
public struct ContainerStatistics: Writable {
  public let cgroup: Statistics
  public let resourceControl: ResourceControlStatistics?
  public let interfaces: [NetworkInterface]

  public func encode(to writer: inout Writer) {
    writer.object { writer in
      cgroup.encodeMembers(to: &writer)
      writer.member("intel_rdt", resourceControl ?? ResourceControlStatistics())
      writer.member("network_interfaces", interfaces)
    }
  }
}

extension ContainerStore {
  /// What the container has used until now.
  public func statistics(_ id: ContainerID) throws(Failure) -> ContainerEvent {
    let container = try find(id)
    guard try container.record.isAlive else { throw container.notRunning }
    return try container.measure()
  }

  /// Tells when memory ran out, and every so often what the container has used, until it has ended or nobody listens.
  ///
  /// - Parameters:
  ///   - milliseconds: from one measurement to the next.
  ///   - listener: descriptor behind which the listener is.
  public func watch(
    _ id: ContainerID, every milliseconds: Int64, listener: Int32, _ tell: (ContainerEvent) throws(Failure) -> Void
  ) throws(Failure) {
    let container = try find(id)
    guard let process = try container.process() else { throw container.notRunning }
    var memory: OutOfMemoryWatch?
    do { memory = try container.cgroup().watchOutOfMemory() } catch { options.warn(error.message) }
    var next = Clock.monotonicMilliseconds() + milliseconds
    while true {
      let left = max(0, min(next - Clock.monotonicMilliseconds(), Int64(Int32.max)))
      let seen = try step("wait for events") { () throws(SystemError) in
        try poll(
          [
            Polled(process.descriptor.number, .readable), Polled(listener, []),
            memory?.polled ?? Polled(-1, []),
          ], milliseconds: Int32(left))
      }
      // The last thing to tell may be why it has ended.
      if memory?.next() == .outOfMemory { try tell(ContainerEvent(id: id.text, statistics: nil)) }
      if seen[0].isReady || seen[1].isReady { return }
      if Clock.monotonicMilliseconds() >= next {
        next += milliseconds
        // It may be ending just now.
        do { try tell(container.measure()) } catch { if try container.record.isAlive { throw error } }
      }
    }
  }
}

extension Container {
  fileprivate func measure() throws(Failure) -> ContainerEvent {
    let statistics = try cgroup().statistics()
    let interfaces = try step("network interfaces") { () throws(SystemError) in
      try NetworkInterface.of(record.state.pid ?? 0)
    }
    return ContainerEvent(
      id: id.text,
      statistics: ContainerStatistics(
        cgroup: statistics, resourceControl: resourceControl?.statistics(), interfaces: interfaces))
  }
}

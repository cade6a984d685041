import Linux

/// Tells when the kernel has killed, or wanted to kill, for want of memory in a cgroup.
///
/// On cgroup v2 memory.events changes, and poll(2) with POLLPRI tells of it; on v1 memory.oom_control is tied to an
/// event counter (cgroup.event_control). The cgroup's removal is told the same way.
public struct OutOfMemoryWatch: ~Copyable {
  private let descriptor: Descriptor
  private let directory: String
  private let isV1: Bool
  private var seen: UInt64

  /// What there was to tell.
  public enum Event: Equatable, Sendable {
    /// Nothing that matters.
    case none
    case outOfMemory
    /// The cgroup was removed: nothing more will come.
    case removed
  }

  init(v1 directory: String) throws(Failure) {
    self.directory = directory
    isV1 = true
    seen = 0
    descriptor = try step("cgroup: watch " + directory + "/memory.oom_control") { () throws(SystemError) in
      let counter = try EventCounter.make()
      let control = try openFile(directory + "/memory.oom_control")
      let line = String(counter.number) + " " + String(control.number)
      try openFile(directory + "/cgroup.event_control", .writeOnly).write(line)
      return counter
    }
  }

  init(v2 directory: String) throws(Failure) {
    self.directory = directory
    isV1 = false
    descriptor = try step("cgroup: watch " + directory + "/memory.events") { () throws(SystemError) in
      try openFile(directory + "/memory.events")
    }
    // Reading marks where "changed" counts from.
    seen = (try? OutOfMemoryWatch.count(descriptor)) ?? 0
  }

  /// What to wait for with poll(2).
  public var polled: Polled { Polled(descriptor.number, isV1 ? .readable : .priority) }

  /// What has happened since the last look.
  public mutating func next() -> Event {
    if isV1 {
      if (try? descriptor.read(upTo: 8)) == nil { return .none }
      return pathExists(directory + "/memory.oom_control") ? .outOfMemory : .removed
    }
    guard let count = try? OutOfMemoryWatch.count(descriptor) else { return .removed }
    defer { seen = count }
    return count > seen ? .outOfMemory : .none
  }

  private static func count(_ file: borrowing Descriptor) throws(SystemError) -> UInt64 {
    try file.rewind()
    return FlatKeyed(try file.read(upTo: 1024))["oom_kill"]
  }
}

extension Cgroup {
  /// Begins to watch for want of memory.
  public func watchOutOfMemory() throws(Failure) -> OutOfMemoryWatch {
    if let hierarchy = v1("memory") { return try OutOfMemoryWatch(v1: hierarchy.directory) }
    guard let unified else { throw Failure("cgroup: there is no memory controller whose events could be watched") }
    return try OutOfMemoryWatch(v2: unified.directory)
  }
}

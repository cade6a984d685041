import Cgroups
import JSON
import Linux
import OCI

extension ContainerStore {
  /// Changes limits of a container: either all of it takes effect, or nothing and an error tells why.
  ///
  /// Absent values, and zero where it is no value of its own, leave things as they are. What holds afterwards is in the
  /// saved configuration, on which the next update builds.
  ///
  /// - Parameter shares: of cache and memory bandwidth; `nil`: they stay.
  public func update(_ id: ContainerID, _ changes: Config.Linux.Resources, shares: Config.IntelRdt? = nil)
    throws(Failure)
  {
    let container = try find(id)
    try container.lock()
    guard try container.record.isAlive else { throw container.notRunning }
    for problem in changes.validate() {
      if problem.severity == .error { throw Failure(problem.description) }
      options.tell(problem)
    }
    let before = try container.config()
    var config = before
    let limits = config.merge(changes, shares)
    try container.save(config)
    do throws(Failure) {
      try container.change(changes.completed(from: limits), shares)
    } catch {
      try? container.save(before)
      throw error
    }
  }

  /// Reads the limits that `update` is given as a document.
  public static func resources(json bytes: [UInt8], file: String) throws(Failure) -> Config.Linux.Resources {
    do {
      return try Config.Linux.Resources(JSON.Document(bytes, file: file).root.object())
    } catch {
      throw Failure(error.description)
    }
  }
}

extension Config {
  /// Takes the changes over; returns the limits that hold with them.
  fileprivate mutating func merge(_ changes: Linux.Resources, _ shares: IntelRdt?) -> Linux.Resources {
    var linux = linux ?? Linux()
    var limits = linux.resources ?? Linux.Resources()
    limits.merge(changes)
    if limits != Linux.Resources() { linux.resources = limits }
    if let cache = shares?.l3CacheSchema { linux.intelRdt?.l3CacheSchema = cache }
    if let bandwidth = shares?.memBwSchema { linux.intelRdt?.memBwSchema = bandwidth }
    if linux != Linux() { self.linux = linux }
    return limits
  }
}

extension Container {
  /// Replaces the saved configuration.
  fileprivate func save(_ config: Config) throws(Failure) {
    try step("configuration") { () throws(SystemError) in
      try directory.replace(Container.config, with: Writer.encode(config), isThere: true)
    }
  }

  /// Lets the changes take effect, all or none.
  fileprivate func change(_ limits: Config.Linux.Resources, _ shares: Config.IntelRdt?) throws(Failure) {
    var limits = limits
    if !limits.devices.isEmpty { limits.addDefaultDevices() }
    if record.cgroups.isEmpty && limits != Config.Linux.Resources() {
      throw Failure("container \"" + id.text + "\" has no cgroup, and so no limits")
    }
    guard let shares else { return try cgroup().update(limits) }
    guard let resourceControl else {
      throw Failure("container \"" + id.text + "\" has no resctrl group: its configuration has no linux.intelRdt")
    }
    let old = try resourceControl.update(shares)
    do throws(Failure) {
      try cgroup().update(limits)
    } catch {
      resourceControl.restore(old)
      throw error
    }
  }
}

import Cgroups
import JSON
import Linux
import OCI

extension ContainerStore {
  /// Changes limits of a container: either all of it takes effect, or nothing and an error tells why.
  ///
  /// Absent values, and zero where it is no value of its own, leave things as they are. What holds afterwards is in the
  /// saved configuration, on which the next update builds.
  public func update(_ id: ContainerID, _ changes: Config.Linux.Resources) throws(Failure) {
    let container = try find(id)
    try container.lock()
    guard container.isAlive else { throw container.notRunning }
    for problem in changes.validate() where problem.severity == .error { throw Failure(problem.description) }
    guard !container.record.cgroups.isEmpty else {
      throw Failure("container \"" + id.text + "\" has no cgroup, and so no limits")
    }
    var config = try container.config()
    let before = config
    var linux = config.linux ?? Config.Linux()
    var limits = linux.resources ?? Config.Linux.Resources()
    limits.merge(changes)
    linux.resources = limits
    config.linux = linux

    var written = changes.completed(from: limits)
    if !written.devices.isEmpty { written.addDefaultDevices() }
    try container.save(config)
    do throws(Failure) {
      try container.cgroup().update(written)
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

extension Container {
  /// Replaces the saved configuration.
  fileprivate func save(_ config: Config) throws(Failure) {
    try step("configuration") { () throws(SystemError) in
      try directory.replace(Container.config, with: Writer.encode(config))
    }
  }
}

import Linux

/// One hierarchy of cgroups (cgroups(7)) and a cgroup's place in it.
public struct Hierarchy: Equatable, Sendable {
  public enum Kind: Equatable, Sendable {
    case v1
    case v2
  }

  /// What the hierarchy controls, as /proc/self/cgroup writes it: `memory`, `cpu,cpuacct`, `name=systemd`; empty for
  /// cgroup v2.
  public let controllers: String
  /// Where the hierarchy is mounted on the host.
  public let mountPoint: String
  /// The cgroup's path below the mount point, with a slash in front; empty for the mount point itself.
  public let path: String
  /// The name of the directory that the hierarchy has below /sys/fs/cgroup by convention: `memory`, `cpu,cpuacct`,
  /// `systemd`, `unified`; empty for cgroup v2 when it is the only one.
  public let name: String

  init(_ mount: CgroupLayout.Mount, path: String, isOnly: Bool) {
    controllers = mount.controllers
    mountPoint = mount.point
    self.path = path
    if mount.controllers.isEmpty {
      name = isOnly ? "" : "unified"
    } else {
      name = mount.controllers.hasPrefix("name=") ? String(mount.controllers.dropFirst(5)) : mount.controllers
    }
  }

  public var kind: Kind { controllers.isEmpty ? .v2 : .v1 }

  /// The cgroup's directory on the host.
  public var directory: String { mountPoint + path }

  /// The options with which mount(8) mounts this hierarchy: `["cpu", "cpuacct"]`, `["none", "name=systemd"]`; none for
  /// cgroup v2.
  public var mountOptions: [String] {
    if controllers.hasPrefix("name=") { return ["none", controllers] }
    return controllers.split(separator: ",").map { String($0) }
  }

  /// Whether this is the v1 hierarchy of the controller.
  func controls(_ controller: String) -> Bool {
    if controllers.utf8.count == controller.utf8.count { return controllers == controller }
    return controllers.utf8.contains(UInt8(ascii: ","))
      && controllers.split(separator: ",").contains { $0 == controller }
  }
}

import Linux

/// What a mount of type `cgroup` shows.
public struct CgroupView: Equatable, Sendable {
  public struct Hierarchy: Equatable, Sendable {
    /// The directory's name, such as `cpu,cpuacct`.
    public var name: String
    /// What fsconfig(2) is told: controllers, or `none` and `name=systemd`.
    public var options: [String]
    /// The container's cgroup on the host.
    public var directory: String

    public init(name: String, options: [String], directory: String) {
      self.name = name
      self.options = options
      self.directory = directory
    }
  }

  public enum Kind: Equatable, Sendable {
    case none
    /// cgroup v2: the container's cgroup on the host.
    case unified(directory: String)
    /// cgroup v1, one mount each.
    case hierarchies([Hierarchy])
  }

  public var kind: Kind
  /// Whether the container has a cgroup namespace of its own.
  public var inNamespace: Bool
  /// Whether these cgroups are the container's own in every hierarchy, and not its caller's.
  public var isOwn: Bool

  public init(_ kind: Kind, inNamespace: Bool, isOwn: Bool) {
    self.kind = kind
    self.inNamespace = inNamespace
    self.isOwn = isOwn
  }
}

extension Rootfs {
  mutating func mountCgroups(_ mount: MountPlan, _ view: CgroupView) throws(SystemError) {
    let target = try root.openDirectory(creating: mount.destination)
    if case .unified(let directory) = view.kind {
      let made = try cgroupMount("cgroup2", [], directory, view, mount.set)
      try made.attach(to: target)
      try apply(mount.propagation, to: made.descriptor)
      return
    }
    guard case .hierarchies(let hierarchies) = view.kind else { return }
    let context = try FileSystemContext("tmpfs")
    try context.set("source", "tmpfs")
    try context.set("mode", "755")
    let top = try context.mount(mount.set.subtracting(.readOnly))
    try top.attach(to: target)
    let directory = try Directory(top.descriptor.reopen([.readOnly, .directory]))
    for hierarchy in hierarchies {
      try directory.makeDirectory(hierarchy.name)
      let made = try cgroupMount("cgroup", hierarchy.options, hierarchy.directory, view, mount.set)
      try made.attach(to: try directory.open(hierarchy.name, [.path, .directory]))
      // `cpu` and `cpuacct` are found under their own names where the kernel joins them.
      if hierarchy.options.count > 1 && !hierarchy.name.hasPrefix("name=") {
        for option in hierarchy.options where option != "none" && !option.hasPrefix("name=") {
          try root.makeSymlink(option, in: directory.descriptor, to: hierarchy.name)
        }
      }
    }
    try apply(mount.propagation, to: top.descriptor)
    if mount.set.contains(.readOnly) { readOnlyLater.append(top.intoDescriptor().release()) }
  }

  /// In a cgroup namespace a new mount shows the container's cgroup as the root; elsewhere, and where a user namespace is
  /// not allowed one, that directory is bound. One that cannot be reached stays empty.
  ///
  /// A cgroup that is not the container's own is shown and not given: read-only (CVE-2023-25809).
  private func cgroupMount(
    _ type: String, _ options: [String], _ directory: String, _ view: CgroupView, _ attributes: MountAttributes
  ) throws(SystemError) -> DetachedMount {
    let attributes = view.isOwn ? attributes : attributes.union(.readOnly)
    if view.inNamespace {
      do {
        return try cgroupFileSystem(type, options, attributes)
      } catch {
        guard error.errno == .notPermitted || error.errno == .resourceBusy else { throw error }
      }
    }
    do {
      let bound = try DetachedMount(cloning: directory, recursive: false)
      try bound.set(attributes)
      return bound
    } catch {
      guard error.errno == .noSuchFileOrDirectory || error.errno == .permissionDenied else { throw error }
      return try Rootfs.emptyDirectory()
    }
  }

  private func cgroupFileSystem(_ type: String, _ options: [String], _ attributes: MountAttributes) throws(SystemError)
    -> DetachedMount
  {
    let context = try FileSystemContext(type)
    for option in options {
      let parts = option.split(separator: "=", maxSplits: 1)
      try context.set(String(parts[0]), parts.count == 2 ? String(parts[1]) : nil)
    }
    return try context.mount(attributes)
  }
}

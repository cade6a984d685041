import Linux

/// The container's root file system while it is being put together, held by the descriptor of its root mount.
///
/// Nothing here trusts what the root file system contains: targets are resolved inside the root, once, to
/// descriptors, and mounts are made detached and attached to those (design, section 5, rules 1–5).
struct Rootfs: ~Copyable {
  let plan: RootfsPlan
  let root: Root
  /// Mounts that become read-only when everything is in place: what lies below them is still to be made.
  var readOnlyLater: [Int32] = []
  /// The mount namespace to go back to with the tree; -1: none.
  private var home: Int32 = -1

  /// Takes the directory as the root of a tree of mounts of our own; as it is, where the mount namespace is not ours alone.
  init(_ plan: RootfsPlan) throws(Failure) {
    self.plan = plan
    let path = plan.path
    if plan.entry == .detachedTree {
      home = try step("mount namespace") { () throws(SystemError) in
        let home = try openFile("/proc/self/ns/mnt")
        // One for the time in which the tree is made.
        try NamespaceFlags.mount.unshare()
        return home.release()
      }
    }
    if plan.entry == .changeRoot {
      root = try step("rootfs") { () throws(SystemError) in Root(try openFile(path, [.path, .directory])) }
      return
    }
    root = try step("rootfs") { () throws(SystemError) in
      // Events from the host still arrive, none leave; pivot_root(2) refuses shared mounts.
      try MountNamespace.setPropagation(plan.propagation == .private ? .private : .slave, of: "/", recursive: true)
      let target = try openFile(path, [.path, .directory])
      let mount = try DetachedMount(cloning: path, recursive: true)
      try mount.attach(to: target)
      return Root(mount.intoDescriptor())
    }
  }

  /// The root of a container that was entered, for more mounts.
  init(entered plan: RootfsPlan) throws(Failure) {
    self.plan = plan
    root = try step("rootfs") { () throws(SystemError) in Root(try openFile("/", [.path, .directory])) }
  }

  // MARK: mounts

  /// Makes every mount of the plan, in order.
  ///
  /// - Parameter inCgroup: returns when the process is in its cgroup; called once, before the first mount that shows it,
  ///   at the latest behind the last.
  mutating func mountAll(cgroups: CgroupView, inCgroup: () throws(Failure) -> Void) throws(Failure) {
    var isInCgroup = false
    for mount in plan.mounts {
      if !isInCgroup, case .cgroup = mount.source {
        try inCgroup()
        isInCgroup = true
      }
      do {
        try make(mount, cgroups)
      } catch {
        throw Failure(mount.name, error)
      }
    }
    if !isInCgroup { try inCgroup() }
  }

  private mutating func make(_ mount: MountPlan, _ cgroups: CgroupView) throws(SystemError) {
    switch mount.source {
    case .bind(let path, let recursive):
      try bind(mount, path, recursive)
    case .fileSystem(let type, let source):
      try mountFileSystem(mount, type, source)
    case .cgroup:
      try mountCgroups(mount, cgroups)
    case .remount:
      try remount(mount)
    }
  }

  /// What is not named stays as it is: of the mount's attributes and, where there is data, of the file system's.
  private func remount(_ mount: MountPlan) throws(SystemError) {
    let target = DetachedMount(try root.open(mount.destination))
    if !mount.data.isEmpty {
      let context = try FileSystemContext(changing: target.descriptor)
      try configure(context, mount)
      try context.apply()
    }
    try setAttributes(of: target, mount)
    try apply(mount.propagation, to: target.descriptor)
  }

  private func bind(_ mount: MountPlan, _ path: String, _ recursive: Bool) throws(SystemError) {
    let source =
      mount.prepared >= 0
      ? DetachedMount(Descriptor(taking: mount.prepared)) : try mount.clone(path, recursive: recursive)
    let status = try source.descriptor.status()
    if mount.links.contains(.copiesSource) && status.isSymlink {
      return try root.makeSymlink(creating: mount.destination, to: source.descriptor.readLink())
    }
    let target = try target(of: mount, isDirectory: status.isDirectory)
    // The kernel says EINVAL, which tells nobody what is wrong; Docker adds its advice to mount(2)'s ENOTDIR.
    if try target.status().isDirectory != status.isDirectory {
      throw SystemError(call: "move_mount", subject: path, errno: .notDirectory)
    }
    try setAttributes(of: source, mount)
    try source.attach(to: target)
    try apply(mount.propagation, to: source.descriptor)
  }

  /// Where a bind is put, made if it is missing.
  private func target(of mount: MountPlan, isDirectory: Bool) throws(SystemError) -> Descriptor {
    if mount.links.contains(.coversDestination) {
      do {
        return try root.open(mount.destination, [.path, .noFollow])
      } catch {
        if error.errno != .noSuchFileOrDirectory { throw error }
      }
    }
    if isDirectory { return try root.openDirectory(creating: mount.destination) }
    return try root.openFile(creating: mount.destination)
  }

  private func setAttributes(of mount: borrowing DetachedMount, _ plan: MountPlan) throws(SystemError) {
    if !plan.recursiveSet.isEmpty || !plan.recursiveClear.isEmpty {
      try mount.set(plan.recursiveSet, clear: plan.recursiveClear, recursive: true)
    }
    if !plan.set.isEmpty || !plan.clear.isEmpty {
      try mount.set(plan.set, clear: plan.clear)
    }
  }

  private mutating func mountFileSystem(_ mount: MountPlan, _ type: String, _ source: String?) throws(SystemError) {
    // A tmpfs over a directory of the image has the directory's mode, not the kernel's world-writable one.
    let mode = type == "tmpfs" ? try modeOfDirectory(mount.destination) : nil
    // The image's /proc and /sys must be directories, not links to somewhere a mask would miss (CVE-2019-19921).
    let target =
      type == "proc" || type == "sysfs"
      ? try realDirectory(mount.destination) : try root.openDirectory(creating: mount.destination)
    var attributes = mount.set
    let isScratch = type == "tmpfs"
    // A tmpfs is filled, and mounted into, before it becomes read-only.
    if isScratch { attributes.remove(.readOnly) }
    if mount.exceedsContext {
      let data = mount.data.filter { !$0.isOptional }.map { $0.key + ($0.value.map { "=" + $0 } ?? "") }
        .joined(separator: ",")
      try MountNamespace.mount(type: type, source: source ?? type, on: target, attributes, data: data)
      return try apply(mount.propagation, to: try root.open(mount.destination))
    }
    let made = try newFileSystem(mount, type, source, attributes, mode: mode)
    if mount.copiesUp { try copyUp(from: target, to: made) }
    if !mount.recursiveSet.isEmpty { try made.set(mount.recursiveSet, clear: mount.recursiveClear, recursive: true) }
    if mount.idMap != nil { try mapIDs(of: made, mount, type) }
    try made.attach(to: target)
    try apply(mount.propagation, to: made.descriptor)
    if isScratch && mount.set.contains(.readOnly) { readOnlyLater.append(made.intoDescriptor().release()) }
  }

  private func mapIDs(of made: borrowing DetachedMount, _ mount: MountPlan, _ type: String) throws(SystemError) {
    let namespace = Descriptor(taking: mount.prepared)
    do {
      try made.set(.idMap, userNamespace: namespace.number)
    } catch {
      throw error.on("idmap of " + type)
    }
  }

  /// `nil`: there is none.
  private func modeOfDirectory(_ path: String) throws(SystemError) -> UInt32? {
    do {
      return try root.open(path, [.path, .directory]).status().mode & 0o7777
    } catch {
      if error.errno == .noSuchFileOrDirectory { return nil }
      throw error
    }
  }

  /// A new file system of the type; where a user namespace is not allowed one, the host's.
  private func newFileSystem(
    _ mount: MountPlan, _ type: String, _ source: String?, _ attributes: MountAttributes, mode: UInt32?
  ) throws(SystemError) -> DetachedMount {
    do {
      return try fileSystem(mount, type, source, attributes, mode: mode)
    } catch {
      guard error.errno == .notPermitted, let path = substitute(for: type) else { throw error }
      let bound = try DetachedMount(cloning: path, recursive: true)
      // What a user may change in the host's is not the container's business (CVE-2023-25809).
      try bound.set(type == "sysfs" ? attributes.union(.readOnly) : attributes, recursive: true)
      return bound
    }
  }

  /// The host's file system that shows what a new one of the type would show.
  private func substitute(for type: String) -> String? {
    switch type {
    case "sysfs": return "/sys"
    case "proc": return plan.sharedNamespaces.contains(.pid) ? "/proc" : nil
    case "mqueue": return plan.sharedNamespaces.contains(.ipc) ? "/dev/mqueue" : nil
    default: return nil
    }
  }

  private func fileSystem(
    _ mount: MountPlan, _ type: String, _ source: String?, _ attributes: MountAttributes, mode: UInt32?
  ) throws(SystemError) -> DetachedMount {
    let context = try FileSystemContext(type)
    if let source {
      try context.set("source", source)
      // A disk that cannot be written needs a file system that does not try; others are shared, and stay as they are.
      if attributes.contains(.readOnly) && source.hasPrefix("/") { try context.set("ro") }
    }
    if let label = plan.mountLabel, Rootfs.takesLabel(type) {
      try context.set(plan.mountLabelKind, label)
    }
    if let mode { try context.set("mode", String(mode, radix: 8)) }
    try configure(context, mount)
    return try context.mount(attributes)
  }

  private func configure(_ context: borrowing FileSystemContext, _ mount: MountPlan) throws(SystemError) {
    for item in mount.data {
      do {
        try context.set(item.key, item.value)
      } catch {
        if !item.isOptional || error.errno != .invalidArgument { throw error }
      }
    }
  }

  /// The kernel's own file systems label themselves.
  private static func takesLabel(_ type: String) -> Bool {
    type != "proc" && type != "sysfs" && type != "mqueue"
  }

  private func realDirectory(_ path: String) throws(SystemError) -> Descriptor {
    do {
      return try root.openWithoutSymlinks(path, [.path, .directory])
    } catch {
      if error.errno != .noSuchFileOrDirectory { throw error }
    }
    _ = try root.openDirectory(creating: path)
    return try root.openWithoutSymlinks(path, [.path, .directory])
  }

  func apply(_ changes: [MountPlan.PropagationChange], to mount: borrowing Descriptor) throws(SystemError) {
    for change in changes {
      try MountNamespace.setPropagation(change.propagation, of: mount, recursive: change.recursive)
    }
  }

  /// The files the image has at the target are copied into the new file system.
  private func copyUp(from target: borrowing Descriptor, to made: borrowing DetachedMount) throws(SystemError) {
    let from = try Directory(target.reopen([.readOnly, .directory]))
    let to = try Directory(made.descriptor.reopen([.readOnly, .directory]))
    try from.copyContents(to: to)
  }

  // MARK: the end

  /// Makes read-only what was to be so once everything is in it, and the root itself.
  mutating func finish() throws(Failure) {
    let later = readOnlyLater
    readOnlyLater = []
    try step("rootfs") { () throws(SystemError) in
      for number in later {
        let mount = Descriptor(taking: number)
        try MountNamespace.setAttributes(of: mount, .readOnly, recursive: false)
      }
      if plan.readOnly { try MountNamespace.setAttributes(of: root.directory, .readOnly, recursive: false) }
    }
  }

  /// Makes the root file system `/`, and lets the host's go.
  func enter() throws(Failure) {
    try step("rootfs") { () throws(SystemError) in
      if plan.entry == .detachedTree { return try takeTreeHome() }
      try CurrentProcess.changeDirectory(root.directory)
      switch plan.entry {
      case .pivotRoot: try MountNamespace.pivotIntoCurrentDirectory()
      case .moveRoot: try MountNamespace.moveCurrentDirectoryToRoot()
      case .changeRoot, .detachedTree: try CurrentProcess.changeRootToCurrentDirectory()
      }
      try setRootPropagation()
    }
  }

  /// A copy of the tree stays whole when the namespace in which it was made goes, and when its descriptor is closed, as long as
  /// a process has its root there.
  private func takeTreeHome() throws(SystemError) {
    let tree = try DetachedMount(cloning: root.directory, recursive: true)
    try NamespaceFlags.mount.join(Descriptor(taking: home))
    try CurrentProcess.changeDirectory(tree.descriptor)
    try CurrentProcess.changeRootToCurrentDirectory()
    try setRootPropagation()
  }

  private func setRootPropagation() throws(SystemError) {
    guard let propagation = plan.propagation else { return }
    try MountNamespace.setPropagation(propagation, of: "/", recursive: false)
  }
}

extension RootfsPlan {
  /// Unless all mounts are to be cut off from the host's, what the container mounts in a shared bind has to reach the host:
  /// copied while they share with the host's mounts, binds go on doing so.
  func withSharedBindsCopied() throws(Failure) -> RootfsPlan {
    if !sharesBinds { return self }
    var plan = self
    for index in mounts.indices where mounts[index].prepared < 0 {
      guard case .bind(let path, let recursive) = mounts[index].source else { continue }
      plan.mounts[index].prepared = try step(mounts[index].name) { () throws(SystemError) in
        try mounts[index].clone(path, recursive: recursive).intoDescriptor().release()
      }
    }
    return plan
  }
}

extension MountPlan {
  /// Whether the source of a bind is what a symbolic link there leads to.
  public var followsSource: Bool { links.isDisjoint(with: [.bindsSource, .copiesSource]) }

  /// A mount of what is bound, attached nowhere yet.
  public func clone(_ path: String, recursive: Bool) throws(SystemError) -> DetachedMount {
    try DetachedMount(cloning: path, recursive: recursive, follows: followsSource)
  }

  /// Whether an option is longer than fsconfig(2) takes.
  public var exceedsContext: Bool { data.contains { ($0.value?.utf8.count ?? 0) > 255 } }

  /// `mount #7 "/data" (bind from "/srv/x")`
  public var name: String {
    var text = "mount #" + String(index) + " \"" + destination + "\""
    switch source {
    case .bind(let path, _): text += " (bind from \"" + path + "\")"
    case .fileSystem(let type, _): text += " (" + type + ")"
    case .cgroup: text += " (cgroup)"
    case .remount: text += " (remount)"
    }
    return text
  }
}

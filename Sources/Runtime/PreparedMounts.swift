import Linux
import Sandbox

/// Binds that ask for rights which a container in a user namespace has not: those that show their files with other owners
/// (mount_setattr(2), "ID-mapped mounts"), those of the runtime's own directories, and those of what only root outside reaches.
///
/// The parent makes these mounts, detached, and the container process inherits them. A new file system is the container's to make; what
/// it inherits is the user namespace with the maps.
final class PreparedMounts {
  private var numbers: [Int32] = []

  deinit {
    for number in numbers { _ = Descriptor(taking: number) }
  }

  /// Makes those of the plan's mounts, and notes them there.
  func make(for plan: inout SandboxPlan) throws(Failure) {
    for index in plan.rootfs.mounts.indices {
      let mount = plan.rootfs.mounts[index]
      guard case .bind(let path, let recursive) = mount.source else {
        if let idMap = mount.idMap {
          // Who maps must have rights in the mount's user namespace and in the file system's, which is then the container's.
          if plan.namespaces.separates(.user) {
            throw Failure(mount.name + ": in a user namespace of its own only a bind can be mapped to other ids")
          }
          keep(try PreparedMounts.userNamespace(idMap, plan.namespaces, mount), for: &plan.rootfs.mounts[index])
        }
        continue
      }
      if mount.idMap == nil && !mount.isPrivate, try plan.namespaces.reaches(path) { continue }
      let made = try step(mount.name) { () throws(SystemError) in
        let made = try mount.clone(path, recursive: recursive)
        // As in the container's own namespace: events still arrive, none leave.
        try made.set([], propagation: plan.rootfs.propagation == .private ? .private : .slave, recursive: true)
        return made
      }
      if let idMap = mount.idMap {
        let namespace = try PreparedMounts.userNamespace(idMap, plan.namespaces, mount)
        try step(
          mount.name, hint: { $0 == .invalidArgument ? "its file system cannot show other owners (idmap)" : nil }
        ) { () throws(SystemError) in
          try made.set(.idMap, recursive: idMap.recursive, userNamespace: namespace.number)
        }
      }
      keep(made.intoDescriptor(), for: &plan.rootfs.mounts[index])
    }
  }

  private func keep(_ descriptor: consuming Descriptor, for mount: inout MountPlan) {
    mount.prepared = descriptor.release()
    numbers.append(mount.prepared)
  }

  /// The user namespace whose maps a mount gets: one made for it, or one like the container's.
  private static func userNamespace(
    _ idMap: MountPlan.IDMapPlan, _ namespaces: NamespacePlan, _ mount: MountPlan
  ) throws(Failure) -> Descriptor {
    if let joined = namespaces.joined.first(where: { $0.kind == .user }), idMap.users.isEmpty {
      return try step("namespace \"" + joined.path + "\"") { () throws(SystemError) in try openFile(joined.path) }
    }
    var (users, groups) = (namespaces.userMappings, namespaces.groupMappings)
    do throws(Failure) {
      if !idMap.users.isEmpty { users = try idMap.users.absolute(in: users) }
      if !idMap.groups.isEmpty { groups = try idMap.groups.absolute(in: groups) }
      if users.isEmpty || groups.isEmpty {
        throw Failure("idmap needs uidMappings and gidMappings, or a user namespace")
      }
    } catch {
      throw Failure(mount.name + ": " + error.message)
    }
    return try step(mount.name + " (id maps)") { () throws(SystemError) in
      try makeUserNamespace(users: users.map { $0.line }.joined(), groups: groups.map { $0.line }.joined())
    }
  }
}

extension NamespacePlan {
  /// Whether root of the container's user namespace can reach a path of the host as root outside can. Who that is in a namespace that is
  /// joined is not asked.
  fileprivate func reaches(_ path: String) throws(Failure) -> Bool {
    guard CurrentProcess.effectiveUID == 0 else { return true }
    if joins(.user) { return false }
    guard created.contains(.user),
      let user = userMappings.host(of: 0), let group = groupMappings.host(of: 0)
    else { return true }
    return try step("mount \"" + path + "\"") { () throws(SystemError) in
      try Credentials.canReach(path, uid: user, gid: group)
    }
  }
}

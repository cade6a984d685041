import Linux

/// Everything a process needs to enter a cgroup, opened beforehand by somebody who may.
///
/// cgroup v2 is entered at birth, by clone3(2) with CLONE_INTO_CGROUP: no move, no wait for a grace period. Into v1 the new
/// process moves itself by writing `0` into each of `tasks` while it has one thread, which is three times cheaper
/// than a write of its pid to cgroup.procs.
public struct CgroupAttachment: ~Copyable {
  /// The cgroup v2 directory, for clone3(2); -1: none.
  public let unified: Int32
  /// The v1 `tasks` files, open for writing.
  public let tasks: [Int32]

  init(unified: Int32, tasks: [Int32]) {
    self.unified = unified
    self.tasks = tasks
  }

  deinit {
    if unified >= 0 { _ = Descriptor(taking: unified) }
    for number in tasks { _ = Descriptor(taking: number) }
  }
}

extension Cgroup {
  /// Opens what a process needs to enter.
  ///
  /// - Parameters:
  ///   - subgroup: a path below the container's cgroup, in hierarchies that have it (`exec --cgroup`, or where the
  ///     container's own manager put its processes).
  ///   - beforeScope: leaves out what systemd has still to make, and to put the process into.
  public func attachment(subgroup: String = "", beforeScope: Bool = false) throws(Failure) -> CgroupAttachment {
    let below = Cgroup.clean(subgroup)
    var unified: Int32 = -1
    var tasks: [Int32] = []
    tasks.reserveCapacity(hierarchies.count)
    do throws(SystemError) {
      for hierarchy in hierarchies where !(beforeScope && isSystemds(hierarchy)) {
        var directory = hierarchy.directory
        if !below.isEmpty && pathExists(directory + below) { directory += below }
        switch hierarchy.kind {
        case .v1: tasks.append(try openFile(directory + "/tasks", .writeOnly).release())
        case .v2: unified = try openFile(directory, [.path, .directory]).release()
        }
      }
    } catch {
      _ = CgroupAttachment(unified: unified, tasks: tasks)
      throw Failure("cgroup: enter", error)
    }
    return CgroupAttachment(unified: unified, tasks: tasks)
  }

  /// Where below the container's cgroup v2 directory a process is: empty for the directory itself or when it is elsewhere.
  ///
  /// For ``attachment(subgroup:)``: a cgroup whose manager inside the container gave controllers to its children no
  /// longer takes processes itself.
  public func subgroup(of pid: Int32) -> String {
    guard let unified, let bytes = try? readFile("/proc/" + String(pid) + "/cgroup", estimate: 2048) else { return "" }
    guard let path = CgroupLayout.parsePosition(bytes).first(where: { $0.controllers.isEmpty })?.path else { return "" }
    return path.hasPrefix(unified.path + "/") ? String(path.dropFirst(unified.path.count)) : ""
  }
}

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

/// A cgroup below the container's, as `exec --cgroup` names it: `PATH`, or `CONTROLLER[,CONTROLLER…]:PATH` for the v1
/// hierarchies of these controllers alone.
public struct Subgroup: Equatable, Sendable {
  /// Empty: every hierarchy.
  public let controllers: [String]
  /// Below the container's cgroup, with a slash in front; empty: the container's itself.
  public let path: String

  public init(_ text: String) {
    guard let colon = text.firstIndex(of: ":") else {
      controllers = []
      path = Cgroup.clean(text)
      return
    }
    controllers = text[..<colon].split(separator: ",").map { String($0) }
    path = Cgroup.clean(String(text[text.index(after: colon)...]))
  }

  /// In every hierarchy.
  init(path: String) {
    controllers = []
    self.path = path
  }

  func concerns(_ hierarchy: Hierarchy) -> Bool {
    controllers.isEmpty || controllers.contains { hierarchy.controls($0) }
  }
}

extension Cgroup {
  /// Opens what a process needs to enter.
  ///
  /// - Parameters:
  ///   - subgroups: places below the container's cgroup; in a hierarchy that several are for, the last counts.
  ///     Each has to be there in one hierarchy at least; where it is not, the container's own cgroup is entered.
  ///   - beforeScope: leaves out what systemd has still to make, and to put the process into.
  public func attachment(_ subgroups: [Subgroup] = [], beforeScope: Bool = false) throws(Failure) -> CgroupAttachment {
    for subgroup in subgroups where !hierarchies.contains(where: { has(subgroup, in: $0) }) {
      guard hierarchies.contains(where: { subgroup.concerns($0) }) else {
        throw Failure(
          "cgroup: the container is in no cgroup of a controller " + subgroup.controllers.joined(separator: ", "))
      }
      throw Failure("cgroup: the container has no cgroup \"" + subgroup.path + "\" below its own")
    }
    var unified: Int32 = -1
    var tasks: [Int32] = []
    tasks.reserveCapacity(hierarchies.count)
    do throws(SystemError) {
      for hierarchy in hierarchies where !(beforeScope && isSystemds(hierarchy)) {
        var directory = hierarchy.directory
        if let below = subgroups.last(where: { has($0, in: hierarchy) }) { directory += below.path }
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

  private func has(_ subgroup: Subgroup, in hierarchy: Hierarchy) -> Bool {
    subgroup.concerns(hierarchy) && pathExists(hierarchy.directory + subgroup.path)
  }

  /// Where below the container's cgroup v2 directory a process is; `nil` when it is in the directory itself, or elsewhere.
  ///
  /// For ``attachment(_:)``: a cgroup whose manager inside the container gave controllers to its children no longer takes
  /// processes itself.
  public func subgroup(of pid: Int32) -> Subgroup? {
    guard let unified, let position = try? CgroupLayout.position(of: pid),
      let path = position.first(where: { $0.controllers.isEmpty })?.path,
      path.hasPrefix(unified.path + "/")
    else { return nil }
    return Subgroup(path: String(path.dropFirst(unified.path.count)))
  }
}

import Linux

/// A container's cgroup: one directory in every hierarchy the machine has.
///
/// A value without side effects until one of its methods is called. ``disabled`` has no directory, and everything asked
/// of it does nothing.
public struct Cgroup: Equatable, Sendable {
  /// The directories, in the order in which the kernel lists the hierarchies.
  public internal(set) var hierarchies: [Hierarchy]
  /// The unit whose cgroup this is, where systemd makes and removes it.
  public internal(set) var scope: SystemdScope?

  /// A container's place when its `cgroupsPath` says nothing.
  public static func defaultPath(id: String) -> String { "/apus/" + id }

  /// No cgroup at all: the container stays in the caller's, without limits of its own.
  public static let disabled = Cgroup(hierarchies: [])

  init(hierarchies: [Hierarchy]) { self.hierarchies = hierarchies }

  /// The cgroup that `linux.cgroupsPath` names (config-linux.md, "Cgroups Path").
  ///
  /// An absolute path counts from the mount point of each hierarchy. A relative one counts from the caller's own cgroup
  /// – on pure cgroup v2 from the one above it, because a cgroup that holds processes, as the caller's does, cannot give
  /// controllers to children (cgroups(7), "no internal processes"). `..` does not lead out.
  public init(path: String, in layout: CgroupLayout) throws(Failure) {
    let isAbsolute = path.utf8.first == UInt8(ascii: "/")
    let clean = Cgroup.clean(path)
    guard !clean.utf8.contains(0), !clean.utf8.contains(UInt8(ascii: "\n")) else {
      throw Failure("cgroup: linux.cgroupsPath holds a line break or a zero byte")
    }
    if !isAbsolute && clean.isEmpty { throw Failure("cgroup: linux.cgroupsPath \"" + path + "\" names no cgroup") }
    var table: MountTable?
    hierarchies = []
    hierarchies.reserveCapacity(layout.mounts.count)
    for mount in layout.mounts {
      var base = ""
      if !isAbsolute {
        base = try Cgroup.ownPath(mount, layout, &table)
        if layout.mode == .v2 { base = splitPath(base).parent }
        if base == "/" { base = "" }
      }
      hierarchies.append(Hierarchy(mount, path: base + clean, isOnly: layout.mounts.count == 1))
    }
  }

  /// The caller's own cgroup.
  public init(callersIn layout: CgroupLayout) throws(Failure) {
    var table: MountTable?
    hierarchies = []
    for mount in layout.mounts {
      let path = try Cgroup.ownPath(mount, layout, &table)
      hierarchies.append(Hierarchy(mount, path: path, isOnly: layout.mounts.count == 1))
    }
  }

  /// `a//b/./../c` as `/a/c`; nothing leads above the start. Empty: the start itself.
  static func clean(_ path: String) -> String {
    var parts: [Substring] = []
    for part in path.split(separator: "/") where part != "." {
      if part == ".." { _ = parts.popLast() } else { parts.append(part) }
    }
    return parts.isEmpty ? "" : "/" + parts.joined(separator: "/")
  }

  /// The caller's cgroup as a path below the mount point.
  ///
  /// A container without a cgroup namespace sees only its part of the hierarchy mounted, and yet its full path.
  private static func ownPath(_ mount: CgroupLayout.Mount, _ layout: CgroupLayout, _ table: inout MountTable?)
    throws(Failure) -> String
  {
    let own = clean(mount.position)
    if own.isEmpty || pathExists(mount.point + own) { return own }
    if table == nil { table = try MountTable(reading: layout.mountTable) }
    let root = clean(table!.root(at: mount.point) ?? "/")
    if own == root { return "" }
    return own.hasPrefix(root + "/") ? String(own.dropFirst(root.count)) : ""
  }

  // MARK: in a state file

  /// One string a hierarchy, `controllers:mount point:path`, and one of the scope, from which ``init(saved:)`` makes the
  /// same cgroup again.
  public var saved: [String] {
    (scope.map { [$0.saved] } ?? []) + hierarchies.map { $0.controllers + ":" + $0.mountPoint + ":" + $0.path }
  }

  public init(saved: [String]) throws(Failure) {
    hierarchies = []
    scope = saved.first.flatMap { SystemdScope(saved: $0) }
    let saved = scope == nil ? saved[...] : saved.dropFirst()
    hierarchies.reserveCapacity(saved.count)
    for text in saved {
      guard let mount = Cgroup.savedMount(text) else {
        throw Failure("cgroup: the state file names no cgroup with \"" + text + "\"")
      }
      hierarchies.append(Hierarchy(mount, path: mount.position, isOnly: saved.count == 1))
    }
  }

  /// A hierarchy, and as the position in it the container's; `nil`: that is not what the text says. By bytes, since `list` reads
  /// this ten times for each container.
  private static func savedMount(_ text: String) -> CgroupLayout.Mount? {
    let (colon, slash) = (UInt8(ascii: ":"), UInt8(ascii: "/"))
    guard let first = text.utf8.firstIndex(of: colon) else { return nil }
    let rest = text[text.utf8.index(after: first)...]
    guard rest.utf8.first == slash, let second = rest.utf8.firstIndex(of: colon) else { return nil }
    let path = rest[rest.utf8.index(after: second)...]
    guard path.isEmpty || path.utf8.first == slash else { return nil }
    if path.utf8.contains(UInt8(ascii: ".")) && path.split(separator: "/").contains("..") { return nil }
    return CgroupLayout.Mount(
      controllers: String(text[..<first]), point: String(rest[..<second]), position: String(path))
  }

  // MARK: which hierarchy for what

  /// The cgroup v2 directory, on v2 and hybrid.
  public var unified: Hierarchy? { hierarchies.first { $0.kind == .v2 } }

  /// Whether there is nothing but cgroup v2.
  var isV2Only: Bool { hierarchies.count == 1 && unified != nil }

  /// The v1 hierarchy that has the controller.
  func v1(_ controller: String) -> Hierarchy? { hierarchies.first { $0.kind == .v1 && $0.controls(controller) } }

  /// The hierarchy whose word counts for which processes belong to the cgroup.
  var leading: Hierarchy? { unified ?? v1("pids") ?? v1("freezer") ?? hierarchies.first }

  /// Whether there is a directory in any hierarchy.
  public var exists: Bool { hierarchies.contains { pathExists($0.directory) } }
}

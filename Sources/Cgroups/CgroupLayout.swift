import Linux

/// Which hierarchies of cgroups this machine has, where they are mounted, and where in them the caller is.
public struct CgroupLayout: Equatable, Sendable {
  public enum Mode: Equatable, Sendable {
    /// Controllers on hierarchies of their own only.
    case v1
    /// Controllers on hierarchies of their own, and cgroup v2 beside them, usually below `unified`.
    case hybrid
    /// cgroup v2 alone.
    case v2
  }

  /// A hierarchy that can be reached.
  public struct Mount: Equatable, Sendable {
    /// See ``Hierarchy/controllers``.
    public let controllers: String
    public let point: String
    /// The caller's own cgroup as /proc/self/cgroup names it.
    public let position: String
  }

  public let mode: Mode
  public let mounts: [Mount]
  /// Where /proc/self/mountinfo is read from when that is needed.
  let mountTable: String

  /// Finds out, with one small file read and two or three questions.
  ///
  /// /proc/self/cgroup lists the hierarchies; their places below /sys/fs/cgroup are a convention that is trusted when the
  /// first of them keeps it, because the table of mounts is long where many containers run. Those that join several
  /// controllers are looked at each: the order in their names varies. The table is read for what is not in its usual place.
  ///
  /// - Parameters: `root`, `position` and `mountTable` take the place of the kernel's files in tests.
  public static func detect(
    root: String = "/sys/fs/cgroup", position: String = "/proc/self/cgroup",
    mountTable: String = "/proc/self/mountinfo"
  ) throws(Failure) -> CgroupLayout {
    let listed = try step("cgroup: find the hierarchies") { () throws(SystemError) in
      parsePosition(try openFile(position).read(upTo: 16384))
    }
    // cgroup v2 at the root: v1 hierarchies that somebody mounts beside it (VPN clients do) are none of ours.
    if pathExists(root + "/cgroup.controllers") {
      let own = listed.first { $0.controllers.isEmpty }?.path ?? "/"
      let mount = Mount(controllers: "", point: root, position: own)
      return CgroupLayout(mode: .v2, mounts: [mount], mountTable: mountTable)
    }
    var table: MountTable?
    var mounts: [Mount] = []
    mounts.reserveCapacity(listed.count)
    for (controllers, own) in listed {
      var point: String? = conventionalPoint(of: controllers, below: root)
      let isTrusted =
        !mounts.isEmpty && table == nil && !controllers.isEmpty && !controllers.utf8.contains(UInt8(ascii: ","))
      // crun leaves a `cgroup.procs` below a `unified` that is no mount.
      if !isTrusted && !pathExists(point! + (controllers.isEmpty ? "/cgroup.controllers" : "/cgroup.procs")) {
        // On most machines without cgroup v2 the kernel lists it all the same: not worth the table by itself.
        if controllers.isEmpty && table == nil && !mounts.isEmpty { continue }
        if table == nil { table = try MountTable(reading: mountTable) }
        point = table!.point(of: controllers)
      }
      if let point { mounts.append(Mount(controllers: controllers, point: point, position: own)) }
    }
    guard !mounts.isEmpty else {
      throw Failure(
        "cgroup: no hierarchy is mounted below " + root + "; mount cgroup2 there, or use --cgroup-manager disabled")
    }
    let unified = mounts.contains { $0.controllers.isEmpty }
    return CgroupLayout(
      mode: !unified ? .v1 : mounts.count == 1 ? .v2 : .hybrid, mounts: mounts, mountTable: mountTable)
  }

  private static func conventionalPoint(of controllers: String, below root: String) -> String {
    if controllers.isEmpty { return root + "/unified" }
    return root + "/" + (controllers.hasPrefix("name=") ? String(controllers.dropFirst(5)) : controllers)
  }

  /// Where the process is in each hierarchy, as that counts it.
  static func position(of pid: Int32) throws(SystemError) -> [(controllers: String, path: String)] {
    parsePosition(try readFile("/proc/" + String(pid) + "/cgroup"))
  }

  /// `id:controllers:path` a line (cgroups(7)). A path may hold colons.
  static func parsePosition(_ bytes: [UInt8]) -> [(controllers: String, path: String)] {
    var found: [(controllers: String, path: String)] = []
    found.reserveCapacity(16)
    var start = 0
    var colons = (0, 0)
    for (index, byte) in bytes.enumerated() {
      if byte == UInt8(ascii: ":") {
        if colons.0 == 0 { colons.0 = index } else if colons.1 == 0 { colons.1 = index }
      } else if byte == UInt8(ascii: "\n") {
        if colons.0 > start && colons.1 > 0 {
          let controllers = String(decoding: bytes[(colons.0 + 1)..<colons.1], as: UTF8.self)
          found.append((controllers, String(decoding: bytes[(colons.1 + 1)..<index], as: UTF8.self)))
        }
        start = index + 1
        colons = (0, 0)
      }
    }
    return found
  }
}

/// The mounts of cgroup file systems, and of resctrl, in /proc/self/mountinfo (proc(5)).
struct MountTable {
  struct Entry: Equatable {
    /// `cgroup`, `cgroup2` or `resctrl`.
    var type: String
    /// The directory of the hierarchy that is mounted: not `/` when a container sees its own part only.
    var root: String
    var point: String
    var options: [Substring]
  }

  let entries: [Entry]

  init(reading path: String) throws(Failure) {
    entries = try step("cgroup: find the hierarchies") { () throws(SystemError) in
      MountTable.parse(try readFile(path, estimate: 16384))
    }
  }

  /// Where the hierarchy is mounted; the first mount counts.
  func point(of controllers: String) -> String? {
    if controllers.isEmpty { return point(ofType: "cgroup2") }
    let wanted = controllers.split(separator: ",")
    return entries.first { entry in entry.type == "cgroup" && wanted.allSatisfy { entry.options.contains($0) } }?.point
  }

  func point(ofType type: String) -> String? { entries.first { $0.type == type }?.point }

  /// Which directory of its hierarchy is mounted there.
  func root(at point: String) -> String? { entries.first { $0.point == point }?.root }

  /// `id parent major:minor root point options [fields] - type source super-options`
  static func parse(_ bytes: [UInt8]) -> [Entry] {
    var entries: [Entry] = []
    for line in bytes.split(separator: UInt8(ascii: "\n")) {
      let fields = line.split(separator: UInt8(ascii: " "))
      guard let dash = fields.firstIndex(where: { $0.elementsEqual([UInt8(ascii: "-")]) }), dash >= 6,
        fields.count > dash + 3
      else { continue }
      let type = String(decoding: fields[dash + 1], as: UTF8.self)
      guard type == "cgroup" || type == "cgroup2" || type == "resctrl" else { continue }
      entries.append(
        Entry(
          type: type, root: unescape(fields[3]), point: unescape(fields[4]),
          options: String(decoding: fields[dash + 3], as: UTF8.self).split(separator: ",")))
    }
    return entries
  }

  /// Blanks and backslashes stand as three octal digits behind a backslash.
  private static func unescape(_ field: ArraySlice<UInt8>) -> String {
    guard field.contains(UInt8(ascii: "\\")) else { return String(decoding: field, as: UTF8.self) }
    var bytes: [UInt8] = []
    var index = field.startIndex
    while index < field.endIndex {
      if field[index] == UInt8(ascii: "\\"), index + 3 < field.endIndex {
        let digits = field[(index + 1)...(index + 3)].map { $0 &- 48 }
        if digits.allSatisfy({ $0 < 8 }) {
          bytes.append(digits[0] << 6 | digits[1] << 3 | digits[2])
          index += 4
          continue
        }
      }
      bytes.append(field[index])
      index += 1
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}

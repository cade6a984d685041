import Linux
import OCI

/// The unit of systemd that has a container's cgroup: a scope, which is a set of processes that somebody else has started.
public struct SystemdScope: Equatable, Sendable {
  /// The name, such as `apus-web.scope`.
  public let unit: String
  /// The slice it belongs to, such as `system.slice`.
  let slice: String
  /// Whether it is one of the user's own manager.
  let isUser: Bool
  /// Where the container's cgroup is below the unit's, with a slash in front; empty: it is the unit's itself.
  let subgroup: String

  /// The scope that `linux.cgroupsPath` names as `slice:prefix:name`; by default `apus-ID.scope` in `system.slice`, for users in
  /// `user.slice` of their manager. An empty prefix leaves the name alone.
  ///
  /// - Parameter subgroup: the name of the container's cgroup below the unit's, by crun's annotation `run.oci.systemd.subgroup`; empty:
  ///   none.
  public init(cgroupsPath: String?, id: String, isUser: Bool, subgroup: String = "") throws(Failure) {
    self.isUser = isUser
    self.subgroup = Cgroup.clean(subgroup)
    guard subgroup.isEmpty || self.subgroup == "/" + subgroup && !subgroup.utf8.contains(UInt8(ascii: "/")) else {
      throw Failure("cgroup: run.oci.systemd.subgroup: \"" + subgroup + "\" is not the name of a cgroup")
    }
    var parts = ["", "apus", id]
    if let cgroupsPath, !cgroupsPath.isEmpty {
      parts = cgroupsPath.split(separator: ":", omittingEmptySubsequences: false).map { String($0) }
      guard parts.count == 3, !parts[2].isEmpty else {
        throw Failure(
          "config.json: linux.cgroupsPath \"" + cgroupsPath + "\": for systemd it has the form slice:prefix:name")
      }
    }
    slice = parts[0].isEmpty ? (isUser ? "user.slice" : "system.slice") : parts[0]
    guard slice == "-.slice" || SystemdScope.sliceParts(slice) != nil else {
      throw Failure("config.json: linux.cgroupsPath: \"" + slice + "\" is no name of a slice, such as machine.slice")
    }
    unit = SystemdScope.escaped((parts[1].isEmpty ? "" : parts[1] + "-") + parts[2]) + ".scope"
    guard unit.utf8.count <= 255 else {
      throw Failure("systemd: the name \"" + unit + "\" is longer than the 255 bytes that units may have")
    }
  }

  private init(unit: String, isUser: Bool, subgroup: String) {
    self.unit = unit
    slice = ""
    self.isUser = isUser
    self.subgroup = subgroup
  }

  /// What units may not have in their names is written as `\xNN` (systemd.unit(5)).
  private static func escaped(_ name: String) -> String {
    var text: [UInt8] = []
    for byte in name.utf8 {
      let isAllowed =
        byte >= 48 && byte <= 57 || byte >= 65 && byte <= 90 || byte >= 97 && byte <= 122
        || [UInt8(ascii: ":"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "\\")].contains(
          byte)
      if isAllowed {
        text.append(byte)
      } else {
        text += "\\x".utf8
        for digit in [byte >> 4, byte & 15] { text.append(digit < 10 ? 48 + digit : 87 + digit) }
      }
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// `a-b.slice` as `a.slice`, `a-b.slice`: a dash leads one level down. `nil`: it is no slice's name.
  static func sliceParts(_ slice: String) -> [String]? {
    guard slice.hasSuffix(".slice"), !slice.utf8.contains(UInt8(ascii: "/")) else { return nil }
    var parts: [String] = []
    var name = ""
    for word in slice.dropLast(6).split(separator: "-", omittingEmptySubsequences: false) {
      if word.isEmpty { return nil }
      name += (name.isEmpty ? "" : "-") + word
      parts.append(name + ".slice")
    }
    return parts.isEmpty ? nil : parts
  }

  /// Where the scope's cgroup is below that of its manager.
  var path: String {
    let slices = SystemdScope.sliceParts(slice) ?? []
    return slices.map { "/" + $0 }.joined() + "/" + unit
  }

  // MARK: in a state file

  /// `systemd:user:NAME.scope`, with the cgroup below behind it; what else there was to know is in the paths of the cgroups.
  var saved: String { "systemd:" + (isUser ? "user:" : "system:") + unit + subgroup }

  init?(saved: String) {
    guard saved.hasPrefix("systemd:") else { return nil }
    let fields = saved.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
    guard fields.count == 3, fields[1] == "user" || fields[1] == "system" else { return nil }
    let unit = fields[2].prefix { $0 != "/" }
    guard unit.hasSuffix(".scope") else { return nil }
    self.init(
      unit: String(unit), isUser: fields[1] == "user", subgroup: String(fields[2].dropFirst(unit.utf8.count)))
  }
}

extension Cgroup {
  /// The cgroup that systemd makes for a scope: where it will be follows from the names and from where the manager is.
  public init(scope: SystemdScope, in layout: CgroupLayout) throws(Failure) {
    let manager = try Cgroup.managerPath(isUser: scope.isUser, layout)
    hierarchies = layout.mounts.map {
      Hierarchy($0, path: manager + scope.path + scope.subgroup, isOnly: layout.mounts.count == 1)
    }
    self.scope = scope
  }

  /// The cgroup that is there for the container alone: the container's own, or the unit's above it.
  func outermost(in hierarchy: Hierarchy) -> String {
    String(hierarchy.directory.dropLast(scope?.subgroup.utf8.count ?? 0))
  }

  /// The cgroup of the manager: of the machine's, the one above its own process; of a user's, that of the unit it is.
  private static func managerPath(isUser: Bool, _ layout: CgroupLayout) throws(Failure) -> String {
    guard isUser else {
      let position = try step("systemd") { () throws(SystemError) in try CgroupLayout.position(of: 1) }
      let path = systemdPath(in: position) ?? "/"
      return clean(path.hasSuffix("/init.scope") ? String(path.dropLast(11)) : path)
    }
    var path: [Substring] = []
    for part in (systemdPath(in: layout.mounts.map { ($0.controllers, $0.position) }) ?? "").split(separator: "/") {
      path.append(part)
      if part.hasPrefix("user@") && part.hasSuffix(".service") { return "/" + path.joined(separator: "/") }
    }
    let uid = String(CurrentProcess.uidOutside)
    return "/user.slice/user-" + uid + ".slice/user@" + uid + ".service"
  }

  /// The hierarchy by which systemd tells processes apart: its own on v1, else v2.
  private static func systemdPath(in positions: [(controllers: String, path: String)]) -> String? {
    positions.first { $0.controllers == "name=systemd" }?.path ?? positions.first { $0.controllers.isEmpty }?.path
  }

  /// The hierarchies in which systemd makes the scope's cgroup. The others – cpuset, freezer, hugetlb, net_cls … of cgroup v1 –
  /// it leaves alone, and there the cgroup is ours to make and to remove.
  func isSystemds(_ hierarchy: Hierarchy) -> Bool {
    guard scope != nil else { return false }
    if hierarchy.kind == .v2 || hierarchy.controllers == "name=systemd" { return true }
    return ["cpu", "cpuacct", "blkio", "memory", "devices", "pids"].contains { hierarchy.controls($0) }
  }
}

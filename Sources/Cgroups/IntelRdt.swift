import Linux
import OCI

/// A group of resctrl (kernel documentation, filesystems/resctrl.rst): shares of cache and of memory bandwidth for the
/// processes in it (config-linux.md, "IntelRdt").
public struct ResourceControl: Equatable, Sendable {
  /// The group's directory.
  public let directory: String
  /// The container's own directory of counters below it, if it has one.
  public let monitoring: String?
  /// Whether the group is the container's own, named after it, and goes with it.
  public let isOwn: Bool

  /// Names the group that a container asks for.
  ///
  /// With `closID` the group is shared, and not removed with a container. Without it the group has the container's id.
  ///
  /// - Parameter root: where resctrl is mounted.
  public init(_ settings: Config.IntelRdt, id: String, root: String) throws(Failure) {
    let name = settings.closID ?? id
    guard !name.isEmpty, name != ".", name != "..", name == "/" || !name.utf8.contains(UInt8(ascii: "/")) else {
      throw Failure("intelRdt: linux.intelRdt.closID \"" + name + "\" is not the name of a group")
    }
    // `/` is the group that everything is in by default.
    directory = name == "/" ? root : root + "/" + name
    monitoring = settings.enableMonitoring ? directory + "/mon_groups/" + id : nil
    isOwn = settings.closID == nil
  }

  /// Where resctrl is mounted.
  public static func mountPoint(mountTable: String = "/proc/self/mountinfo") throws(Failure) -> String {
    if let point = try MountTable(reading: mountTable).point(ofType: "resctrl") { return point }
    throw Failure(
      "intelRdt: no resctrl file system is mounted; mount -t resctrl resctrl /sys/fs/resctrl, if the processor has it")
  }

  /// Makes the group, and what counts for the container alone, with the shares asked for.
  ///
  /// A shared group that exists must have just these shares. What was made is removed again when it fails.
  public func create(_ settings: Config.IntelRdt) throws(Failure) {
    let lines = ResourceControl.schemata(settings)
    var made: [String] = []
    do throws(Failure) {
      if pathExists(directory) {
        if isOwn {
          try ResourceControl.write(lines, to: directory)
        } else {
          try ResourceControl.compare(lines, directory)
        }
      } else {
        if !isOwn && lines.isEmpty {
          throw Failure("intelRdt: there is no group " + directory + ", and linux.intelRdt gives no shares to make one")
        }
        try ResourceControl.make(directory)
        made.append(directory)
        try ResourceControl.write(lines, to: directory)
      }
      if let monitoring { try ResourceControl.make(monitoring) }
    } catch {
      for path in made { try? removeDirectory(path) }
      throw error
    }
  }

  /// Puts a process, and what it forks from then on, under the group's shares.
  public func enter(_ pid: Int32) throws(Failure) {
    for group in [directory] + (monitoring.map { [$0] } ?? []) {
      try step("intelRdt: write \"" + String(pid) + "\" to " + group + "/tasks") { () throws(SystemError) in
        try openFile(group + "/tasks", .writeOnly).write(String(pid))
      }
    }
  }

  /// Changes the shares of the container's group: all of those given, or none.
  ///
  /// - Returns: what the group had before, for ``restore(_:)``.
  public func update(_ settings: Config.IntelRdt) throws(Failure) -> String? {
    let before = readControl(directory + "/schemata")
    try ResourceControl.write(ResourceControl.schemata(settings), to: directory)
    return before
  }

  /// Gives the group the shares that it had.
  public func restore(_ schemata: String?) {
    if let schemata { try? ResourceControl.write([schemata], to: directory) }
  }

  /// Removes what is the container's own; the kernel moves processes that are left to the default group.
  public func remove() throws(Failure) {
    for path in [monitoring, isOwn ? directory : nil] {
      guard let path else { continue }
      do throws(SystemError) {
        try removeDirectory(path)
      } catch {
        if error.errno != .noSuchFileOrDirectory { throw Failure("intelRdt", error) }
      }
    }
  }

  // MARK: in a state file

  /// Three strings from which ``init(saved:)`` makes the same value again.
  public var saved: [String] { [directory, monitoring ?? "", isOwn ? "own" : "shared"] }

  public init?(saved: [String]) {
    guard saved.count == 3, saved[0].hasPrefix("/") else { return nil }
    self.init(directory: saved[0], monitoring: saved[1].isEmpty ? nil : saved[1], isOwn: saved[2] == "own")
  }

  /// Where resctrl is mounted, for one of its groups.
  static func root(of directory: String) -> String {
    pathExists(directory + "/info") ? directory : splitPath(directory).parent
  }

  private init(directory: String, monitoring: String?, isOwn: Bool) {
    self.directory = directory
    self.monitoring = monitoring
    self.isOwn = isOwn
  }

  // MARK: shares

  /// The lines in the order in which they have to be written: cache, bandwidth, then what is given as it stands.
  static func schemata(_ settings: Config.IntelRdt) -> [String] {
    var lines: [String] = []
    if let cache = settings.l3CacheSchema {
      // A bandwidth line in the wrong place gives way to the right one.
      for line in cache.split(separator: "\n") where settings.memBwSchema == nil || !line.hasPrefix("MB:") {
        lines.append(String(line))
      }
    }
    if let bandwidth = settings.memBwSchema { lines.append(bandwidth) }
    for line in settings.schemata where !line.isEmpty { lines.append(line) }
    return lines
  }

  private static func make(_ path: String) throws(Failure) {
    do throws(SystemError) {
      try makeDirectory(path)
    } catch {
      throw Failure(
        "intelRdt", error,
        hint: error.errno == .noSpace ? "the processor has no class of service left: remove a group" : nil)
    }
  }

  private static func write(_ lines: [String], to directory: String) throws(Failure) {
    if lines.isEmpty { return }
    let text = lines.joined(separator: "\n") + "\n"
    do throws(SystemError) {
      try openFile(directory + "/schemata", .writeOnly).write(text)
    } catch {
      // The kernel says in words what was wrong with the last command.
      let status = readControl(root(of: directory) + "/info/last_cmd_status") ?? ""
      throw Failure(
        "intelRdt: write \"" + lines.joined(separator: "\\n") + "\" to " + directory + "/schemata: "
          + error.errno.description + (status.isEmpty || status == "ok" ? "" : "; " + status), errno: error.errno)
    }
  }

  /// Each domain that is asked for must have the share that is asked for.
  private static func compare(_ lines: [String], _ directory: String) throws(Failure) {
    let present = (readControl(directory + "/schemata") ?? "").split(separator: "\n")
    for line in lines {
      let wanted = domains(line[...])
      let found = present.map { domains($0) }.first { $0.first == wanted.first } ?? []
      if wanted.allSatisfy({ found.contains($0) }) { continue }
      throw Failure(
        "intelRdt: the group " + directory + " exists, and its schemata do not say \"" + line
          + "\"; use another linux.intelRdt.closID")
    }
  }

  /// `  L3:0=07f0;1=1f` as `L3`, `0=7f0`, `1=1f`.
  private static func domains(_ line: Substring) -> [String] {
    let parts = line.split(separator: ":", maxSplits: 1)
    guard parts.count == 2 else { return [String(line)] }
    let name = parts[0].filter { $0 != " " }
    return [String(name)]
      + parts[1].split(separator: ";").map { domain in
        let sides = domain.split(separator: "=", maxSplits: 1)
        guard sides.count == 2 else { return String(domain) }
        let value = sides[1].filter { $0 != " " }.drop { $0 == "0" }
        return String(sides[0].filter { $0 != " " }) + "=" + (value.isEmpty ? "0" : String(value).lowercased())
      }
  }
}

import Linux

extension Cgroup {
  /// Stops every process in the cgroup and below, and waits until all stand still; at most ten seconds.
  ///
  /// cgroup.freeze of cgroup v2 (Linux 5.2) is preferred on hybrid machines too: what it froze can still be killed.
  public func freeze() throws(Failure) {
    guard let freezer else {
      if hierarchies.isEmpty { throw Failure("cgroup: the container has no cgroup that could be frozen") }
      throw Failure("cgroup: there is neither cgroup.freeze nor a freezer hierarchy")
    }
    let deadline = Clock.monotonicMilliseconds() + Freezer.timeout
    switch freezer.kind {
    case .v2: try Freezer.freezeV2(freezer.directory, deadline)
    case .v1: try Freezer.freezeV1(freezer.directory, deadline)
    }
  }

  /// Lets the processes run again.
  public func thaw() throws(Failure) {
    if let unified, pathExists(unified.directory + "/cgroup.freeze") {
      try Freezer.write("0", unified.directory + "/cgroup.freeze")
    }
    if let freezer = v1("freezer"), let state = readControl(freezer.directory + "/freezer.state"), state != "THAWED" {
      try Freezer.write("THAWED", freezer.directory + "/freezer.state")
    }
  }

  /// Lets killed processes run, so that they can end: on v1 a frozen one does not, in cgroups below that the container
  /// itself has frozen neither. Best effort: who could not be thawed shows when the cgroup is removed.
  func release() {
    try? thaw()
    if let freezer = v1("freezer") { Freezer.thawBelow(freezer.directory) }
  }

  /// Whether the cgroup is frozen or being frozen.
  public var isFrozen: Bool {
    if let unified, let state = readControl(unified.directory + "/cgroup.freeze"), state == "1" { return true }
    guard let freezer = v1("freezer"), let state = readControl(freezer.directory + "/freezer.state") else {
      return false
    }
    return state != "THAWED"
  }

  /// ``isFrozen`` of a cgroup of which ``freezers(saved:)`` are given, and that the process is in.
  ///
  /// Whom the v1 freezer stops shows as in uninterruptible sleep: who runs or sleeps otherwise says that it has not.
  public static func isFrozen(_ freezers: [String], with process: ProcessStatus) throws(Failure) -> Bool {
    let isAtWork = process.state == UInt8(ascii: "S") || process.state == UInt8(ascii: "R")
    let inQuestion = isAtWork ? freezers.filter(isUnified) : freezers
    return inQuestion.isEmpty ? false : try Cgroup(saved: inQuestion).isFrozen
  }

  /// Of a cgroup that was saved, the hierarchies that may freeze: cgroup v2, and one of v1 that has the freezer.
  public static func freezers(saved: [String]) -> [String] {
    saved.filter { hierarchy in
      let controllers = hierarchy.utf8.prefix { $0 != UInt8(ascii: ":") }
      return isUnified(hierarchy)
        || controllers.split(separator: UInt8(ascii: ",")).contains { $0.elementsEqual("freezer".utf8) }
    }
  }

  /// The directory of the hierarchy by which the cgroup is stopped; `nil`: there is none.
  public var freezerDirectory: String? { freezer?.directory }

  private static func isUnified(_ saved: String) -> Bool { saved.utf8.first == UInt8(ascii: ":") }

  private var freezer: Hierarchy? {
    if let unified, pathExists(unified.directory + "/cgroup.freeze") { return unified }
    return v1("freezer")
  }
}

private enum Freezer {
  static let timeout: Int64 = 10_000

  static func thawBelow(_ path: String) {
    guard let names = try? Directory(path: path).directoryNames() else { return }
    for name in names {
      try? write("THAWED", path + "/" + name + "/freezer.state")
      thawBelow(path + "/" + name)
    }
  }

  static func write(_ value: String, _ path: String) throws(Failure) {
    do throws(SystemError) {
      try openFile(path, .writeOnly).write(value)
    } catch {
      throw Failure("cgroup: write \"" + value + "\" to " + path + ": " + error.errno.description, errno: error.errno)
    }
  }

  /// cgroup.events changes when the last process stands still, and poll(2) tells of the change.
  static func freezeV2(_ directory: String, _ deadline: Int64) throws(Failure) {
    try write("1", directory + "/cgroup.freeze")
    while true {
      let left = deadline - Clock.monotonicMilliseconds()
      if left <= 0 { break }
      let isFrozen = try step("cgroup: freeze " + directory) { () throws(SystemError) in
        // Opened anew: poll(2) tells of changes since this descriptor was read.
        let events = try openFile(directory + "/cgroup.events")
        let lines = try events.read(upTo: 512).split(separator: UInt8(ascii: "\n"))
        if lines.contains(where: { $0.elementsEqual("frozen 1".utf8) }) { return true }
        _ = try poll([Polled(events.number, .priority)], milliseconds: Int32(left))
        return false
      }
      if isFrozen { return }
    }
    try? write("0", directory + "/cgroup.freeze")
    throw Failure("cgroup: freeze " + directory + ": a process did not stop within ten seconds")
  }

  /// The kernel stops what it finds; a process that was being forked is found at the next look (freezer-subsystem.rst).
  /// Every fiftieth time the cgroup is thawed, which helps where a process waits for a frozen one.
  static func freezeV1(_ directory: String, _ deadline: Int64) throws(Failure) {
    let path = directory + "/freezer.state"
    var round: Int32 = 0
    while true {
      try write("FROZEN", path)
      if readControl(path) == "FROZEN" { return }
      if Clock.monotonicMilliseconds() >= deadline { break }
      round += 1
      if round % 50 == 0 { try write("THAWED", path) }
      try step("cgroup: freeze " + directory) { () throws(SystemError) in
        _ = try poll([], milliseconds: min(round, 10))
      }
    }
    try? write("THAWED", path)
    throw Failure("cgroup: freeze " + directory + ": a process did not stop within ten seconds")
  }
}

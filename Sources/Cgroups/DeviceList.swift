import Linux
import OCI

/// Device rules in the only form that cgroup v1 has: everything allowed or denied, and exceptions from that
/// (kernel documentation, admin-guide/cgroup-v1/devices.rst).
///
/// The kernel asks for one exception that grants all of a request, and it cannot make a hole in an exception. So the
/// ordered rules are worked out here first; what cannot be said in exceptions is an error.
struct DeviceList: Equatable {
  struct Exception: Equatable {
    var isBlock: Bool
    /// `nil`: any.
    var major: UInt32?
    var minor: UInt32?
    var access: DeviceRules.Access

    func isSameDevices(as other: Exception) -> Bool {
      isBlock == other.isBlock && major == other.major && minor == other.minor
    }

    /// Whether every device of the other is one of ours.
    func covers(_ other: Exception) -> Bool {
      isBlock == other.isBlock && (major == nil || major == other.major) && (minor == nil || minor == other.minor)
    }

    /// The devices that both speak of.
    func intersection(_ other: Exception) -> (major: UInt32?, minor: UInt32?)? {
      guard isBlock == other.isBlock, major == nil || other.major == nil || major == other.major,
        minor == nil || other.minor == nil || minor == other.minor
      else { return nil }
      return (major ?? other.major, minor ?? other.minor)
    }

    var line: String {
      (isBlock ? "b " : "c ") + (major.map { String($0) } ?? "*") + ":" + (minor.map { String($0) } ?? "*") + " "
        + access.letters
    }
  }

  /// What applies to devices without exception.
  private(set) var allowsByDefault = false
  private(set) var exceptions: [Exception] = []

  /// Works the ordered rules out.
  init(_ rules: [Resources.DeviceRule]) throws(Failure) {
    for rule in rules {
      let access = try DeviceRules.Access(rule.access)
      let major = try DeviceRules.number(rule.major)
      let minor = try DeviceRules.number(rule.minor)
      if rule.type == .all && major == nil && minor == nil && access == .all {
        allowsByDefault = rule.allow
        exceptions = []
        continue
      }
      if rule.type != .character {
        try add(Exception(isBlock: true, major: major, minor: minor, access: access), rule.allow)
      }
      if rule.type != .block {
        try add(Exception(isBlock: false, major: major, minor: minor, access: access), rule.allow)
      }
    }
    exceptions.removeAll { $0.access.isEmpty }
    if !allowsByDefault { joinAccess() }
  }

  /// Reads devices.list: `a *:* rwm`, or the exceptions from "denied". Exceptions from "allowed" are not shown there.
  init(reading list: String) {
    for line in list.split(separator: "\n") {
      let fields = line.split(whereSeparator: { $0 == " " || $0 == ":" })
      guard fields.count == 4 else { continue }
      if fields[0] == "a" {
        allowsByDefault = true
        continue
      }
      guard let access = try? DeviceRules.Access(String(fields[3])) else { continue }
      exceptions.append(
        Exception(isBlock: fields[0] == "b", major: UInt32(fields[1]), minor: UInt32(fields[2]), access: access))
    }
  }

  private mutating func add(_ new: Exception, _ allow: Bool) throws(Failure) {
    if allow != allowsByDefault {
      if let index = exceptions.firstIndex(where: { $0.isSameDevices(as: new) }) {
        exceptions[index].access.formUnion(new.access)
      } else {
        exceptions.append(new)
      }
      return
    }
    for index in exceptions.indices {
      let old = exceptions[index]
      if new.covers(old) {
        exceptions[index].access.subtract(new.access)
      } else if old.intersection(new) != nil && !old.access.isDisjoint(with: new.access) {
        throw Failure(
          "cgroup: linux.resources.devices: cgroup v1 cannot " + (allow ? "allow" : "deny") + " \"" + new.line
            + "\" out of \"" + old.line + "\"; list the devices one by one")
      }
    }
  }

  /// Gives each exception what wider ones grant the same devices, and adds where two of them cross. Only reading and
  /// writing are ever asked for together; making a device file is a request of its own.
  private mutating func joinAccess() {
    var devices = exceptions
    let together: DeviceRules.Access = [.read, .write]
    for (index, one) in exceptions.enumerated() {
      for other in exceptions[(index + 1)...] {
        guard let both = one.intersection(other), !one.access.isDisjoint(with: together),
          !other.access.isDisjoint(with: together)
        else { continue }
        let crossing = Exception(isBlock: one.isBlock, major: both.major, minor: both.minor, access: [])
        if !devices.contains(where: { $0.isSameDevices(as: crossing) }) { devices.append(crossing) }
      }
    }
    for index in devices.indices {
      for other in exceptions where other.covers(devices[index]) {
        devices[index].access.formUnion(other.access.intersection(together))
      }
    }
    exceptions = devices
  }

  // MARK: writing

  /// The lines for devices.deny and devices.allow that lead from the present list to this one.
  func lines(from present: DeviceList) -> (deny: [String], allow: [String]) {
    // From "everything but" nothing is known of the exceptions: begin anew.
    if allowsByDefault { return (exceptions.map { $0.line }, ["a"]) }
    if present.allowsByDefault { return (["a"], exceptions.map { $0.line }) }
    var deny: [String] = []
    for old in present.exceptions {
      var rest = old
      if let kept = exceptions.first(where: { $0.isSameDevices(as: old) }) { rest.access.subtract(kept.access) }
      if !rest.access.isEmpty { deny.append(rest.line) }
    }
    let allow = exceptions.filter { !present.exceptions.contains($0) }.map { $0.line }
    return (deny, allow)
  }

  /// Brings the cgroup from what it has to this list; back again, as far as possible, when that fails half-way.
  func write(to directory: borrowing ControlDirectory) throws(Failure) {
    let present = DeviceList(reading: try directory.read("devices.list") ?? "")
    do throws(Failure) {
      try change(directory, from: present)
    } catch {
      let half = DeviceList(reading: (try? directory.read("devices.list")) ?? "")
      try? present.change(directory, from: half)
      throw error
    }
  }

  private func change(_ directory: borrowing ControlDirectory, from present: DeviceList) throws(Failure) {
    let (deny, allow) = lines(from: present)
    // "Everything, but": the general comes first, whichever file it is for.
    if allowsByDefault {
      if !present.allowsByDefault || !deny.isEmpty { try directory.write(lines: allow, to: "devices.allow") }
      try directory.write(lines: deny, to: "devices.deny")
    } else {
      try directory.write(lines: deny, to: "devices.deny")
      try directory.write(lines: allow, to: "devices.allow")
    }
  }
}

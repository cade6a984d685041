import Linux
import OCI
import Sandbox

/// Writes the maps of a new user namespace (user_namespaces(7)).
///
/// Who may not map every id maps himself alone, or asks the programs of shadow-utils, which map what /etc/subuid and
/// /etc/subgid give him.
func writeIDMaps(_ namespaces: NamespacePlan, of pid: Int32) throws(Failure) {
  let own = try step("user namespace: map ids") { () throws(SystemError) in try Credentials.capabilities().effective }
  let caller = (uid: CurrentProcess.effectiveUID, gid: CurrentProcess.effectiveGID)
  // The groups first: a process that was denied setgroups(2) cannot be given a way to drop its groups any more.
  if own.contains(.setgid) || namespaces.groupMappings.isEmpty {
    try writeMap("gid_map", of: pid, namespaces.groupMappings)
  } else if namespaces.groupMappings.areOnly(caller.gid) {
    // Who could drop a group could get around the files that deny it to its members.
    try step("user namespace: map ids") { () throws(SystemError) in try writeProcessFile(pid, "setgroups", "deny") }
    try writeMap("gid_map", of: pid, namespaces.groupMappings)
  } else {
    try askForMap("newgidmap", of: pid, namespaces.groupMappings)
  }
  if own.contains(.setuid) || namespaces.userMappings.isEmpty || namespaces.userMappings.areOnly(caller.uid) {
    try writeMap("uid_map", of: pid, namespaces.userMappings)
  } else {
    try askForMap("newuidmap", of: pid, namespaces.userMappings)
  }
}

extension [IDMapping] {
  /// Whether nobody is mapped but this id of the host.
  fileprivate func areOnly(_ id: UInt32) -> Bool { count == 1 && self[0].host == id && self[0].size == 1 }
}

private func writeMap(_ name: String, of pid: Int32, _ mappings: [IDMapping]) throws(Failure) {
  if mappings.isEmpty { return }
  try step("user namespace: map ids") { () throws(SystemError) in
    try writeProcessFile(pid, name, mappings.map { $0.line }.joined())
  }
}

/// newuidmap(1), newgidmap(1): `newuidmap PID CONTAINER HOST SIZE …`.
private func askForMap(_ program: String, of pid: Int32, _ mappings: [IDMapping]) throws(Failure) {
  var arguments = [String(pid)]
  for mapping in mappings { arguments += [String(mapping.container), String(mapping.host), String(mapping.size)] }
  let (status, output) = try step(
    "user namespace: map ids", hint: { $0 == .noSuchFileOrDirectory ? "is the package uidmap installed?" : nil }
  ) { () throws(SystemError) in try capture(program, arguments, withErrors: true) }
  if status == .exited(0) { return }
  let lines = output.split(separator: UInt8(ascii: "\n")).map { String(decoding: $0, as: UTF8.self) }
  throw Failure("user namespace: " + (lines.last ?? program + ": exit status " + String(status.code)))
}

// MARK: for ordinary users

/// A run of ids that a user may give away (subuid(5)).
struct SubordinateRange: Equatable {
  var first: UInt32
  var size: UInt32

  /// The ranges of one user, who stands there by name or number: `NAME:FIRST:SIZE`.
  static func parse(_ bytes: [UInt8], of names: [String]) -> [SubordinateRange] {
    var ranges: [SubordinateRange] = []
    for fields in colonSeparated(bytes) {
      guard fields.count == 3, names.contains(where: { fields[0].elementsEqual($0.utf8) }),
        let first = decimal(fields[1]).flatMap({ UInt32(exactly: $0) }),
        let size = decimal(fields[2]).flatMap({ UInt32(exactly: $0) }), size > 0
      else { continue }
      ranges.append(SubordinateRange(first: first, size: size))
    }
    return ranges
  }
}

extension [IDMapping] {
  /// The caller as `id` of the container, and around it, from 0 on, the ids the caller may give away.
  init(caller: UInt32, as id: UInt32, around ranges: [SubordinateRange]) {
    self = []
    var next: UInt32 = 0
    for range in ranges {
      var range = range
      while range.size > 0 {
        if next == id {
          next += 1
          continue
        }
        let size = Swift.min(range.size, next < id ? id - next : UInt32.max - next)
        if size == 0 { break }
        append(IDMapping(container: next, host: range.first, size: size))
        next += size
        range.first &+= size
        range.size -= size
      }
    }
    append(IDMapping(container: id, host: caller, size: 1))
  }
}

extension SandboxPlan {
  /// An ordinary user's container needs a user namespace: one is added to a configuration that has none, and maps
  /// to one that has no maps. The container's user is the caller, as whom its files belong to him.
  ///
  /// - Parameter warn: is told when the container has this one user only.
  mutating func addUserNamespace(warn: (String) -> Void) {
    if CurrentProcess.effectiveUID == 0 || namespaces.joins(.user) { return }
    namespaces.created.insert(.user)
    guard namespaces.userMappings.isEmpty && namespaces.groupMappings.isEmpty else { return }
    let names = [userName(CurrentProcess.effectiveUID), String(CurrentProcess.effectiveUID)]
    var users = SubordinateRange.parse((try? readFile("/etc/subuid")) ?? [], of: names)
    var groups = SubordinateRange.parse((try? readFile("/etc/subgid")) ?? [], of: names)
    if users.isEmpty || groups.isEmpty {
      warn("user " + names[0] + " has no ids in /etc/subuid and /etc/subgid: the container has one user only")
      (users, groups) = ([], [])
    }
    namespaces.userMappings = [IDMapping](caller: CurrentProcess.effectiveUID, as: process.uid, around: users)
    namespaces.groupMappings = [IDMapping](caller: CurrentProcess.effectiveGID, as: process.gid, around: groups)
    leaveOutUnmappedGroups()
  }
}

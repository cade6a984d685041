extension CurrentProcess {
  /// The first line of /proc/self/uid_map: the first id inside, the first outside, how many. See user_namespaces(7).
  private static var uidMap: [UInt64] {
    guard let map = try? openFile("/proc/self/uid_map").read(upTo: 256) else { return [] }
    let line = map.prefix { $0 != UInt8(ascii: "\n") }
    return line.split(separator: UInt8(ascii: " ")).compactMap { decimal($0) }
  }

  /// Whether the machine's own user ids are ours: nothing is mapped to anything else.
  public static var isInInitialUserNamespace: Bool {
    let map = uidMap
    return map.isEmpty || map == [0, 0, UInt64(UInt32.max)]
  }

  /// Whether this is the machine's root, and not an ordinary user or the root of a user namespace.
  public static var isPrivileged: Bool { effectiveUID == 0 && isInInitialUserNamespace }

  /// Our user id as the user namespace around ours knows it, if it is in the first range of the map.
  public static var uidOutside: UInt32 {
    let map = uidMap
    let uid = UInt64(effectiveUID)
    guard map.count == 3, uid >= map[0], uid - map[0] < map[2] else { return effectiveUID }
    return UInt32(truncatingIfNeeded: map[1] + (uid - map[0]))
  }
}

extension CurrentProcess {
  /// Whether the machine's own user ids are ours: nothing is mapped to anything else. See user_namespaces(7).
  public static var isInInitialUserNamespace: Bool {
    guard let map = try? openFile("/proc/self/uid_map").read(upTo: 256) else { return true }
    let fields = map.split { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\n") }.map { decimal($0) }
    return fields == [0, 0, UInt64(UInt32.max)]
  }
}

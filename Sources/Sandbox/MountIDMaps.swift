import Linux

extension MountPlan.IDMapPlan {
  /// Reads crun's `idmap=uids=0-1000-1#1-2000-10;gids=@0-0-10`, which podman passes on: the first id in the file system, the one
  /// that stands for it on the host or, behind an `@`, in the container, and how many.
  ///
  /// `nil`: the word is something else.
  init?(_ word: String) throws(Failure) {
    guard let equals = word.utf8.firstIndex(of: UInt8(ascii: "=")) else { return nil }
    let name = word[..<equals]
    guard name == "idmap" || name == "ridmap" else { return nil }
    self.init(recursive: name == "ridmap")
    for part in word.utf8[equals...].dropFirst().split(separator: UInt8(ascii: ";")) {
      let kind = part.prefix(5)
      let lines = part.dropFirst(5)
      if kind.elementsEqual("uids=".utf8) {
        users += try MountPlan.IDMapPlan.lines(lines)
      } else if kind.elementsEqual("gids=".utf8) {
        groups += try MountPlan.IDMapPlan.lines(lines)
      } else {
        throw MountPlan.IDMapPlan.refusal
      }
    }
    if users.isEmpty || groups.isEmpty { throw MountPlan.IDMapPlan.refusal }
  }

  private static var refusal: Failure {
    Failure("no id maps; write FILE-HOST-COUNT, such as idmap=uids=0-1000-1#1-2000-10;gids=0-1000-1")
  }

  private static func lines(_ text: Substring.UTF8View) throws(Failure) -> [Line] {
    var lines: [Line] = []
    for word in text.split(separator: UInt8(ascii: "#"), omittingEmptySubsequences: false) {
      let isRelative = word.first == UInt8(ascii: "@")
      let fields = word.dropFirst(isRelative ? 1 : 0)
        .split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
      var numbers: [UInt32] = []
      for field in fields {
        guard let number = decimal(field).flatMap({ UInt32(exactly: $0) }) else { throw refusal }
        numbers.append(number)
      }
      guard numbers.count == 3 else { throw refusal }
      let mapping = IDMapping(container: numbers[0], host: numbers[1], size: numbers[2])
      lines.append(Line(mapping: mapping, isRelative: isRelative))
    }
    return lines
  }
}

extension [MountPlan.IDMapPlan.Line] {
  /// The map as user_namespaces(7) wants it.
  ///
  /// - Parameter container: the map of the container's user namespace. A range is taken to lie in one of its ranges.
  public func absolute(in container: [IDMapping]) throws(Failure) -> [IDMapping] {
    var mappings: [IDMapping] = []
    for line in self {
      var mapping = line.mapping
      if line.isRelative {
        guard let host = container.host(of: mapping.host) else {
          throw Failure("idmap: the container has no id " + String(mapping.host) + " that @ could mean")
        }
        mapping.host = host
      }
      mappings.append(mapping)
    }
    return mappings
  }
}

import CVersion

/// Which build of the program this is, as `make build` stamped it; "unknown" when built in another way.
enum Build {
  /// The version of the file `VERSION`.
  static var version: String { text(after: 0) }
  /// The git commit, with `-dirty` when the work tree had changes.
  static var commit: String { text(after: version.utf8.count + 1) }

  private static func text(after start: Int) -> String {
    var bytes: [UInt8] = []
    while true {
      let byte = apus_build_byte(start + bytes.count)
      if byte == 0 { return String(decoding: bytes, as: UTF8.self) }
      bytes.append(byte)
    }
  }
}

import Foundation
import Linux

@testable import Cgroups

/// A directory that plays /sys/fs/cgroup; gone with its owner.
final class FakeTree {
  let root: String

  init() {
    root = NSTemporaryDirectory() + "apus-cgroups-" + UUID().uuidString
    try! FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: root) }

  /// Makes a file, and the directories above it.
  func file(_ path: String, _ content: String = "") {
    let full = root + "/" + path
    let parent = (full as NSString).deletingLastPathComponent
    try! FileManager.default.createDirectory(atPath: parent, withIntermediateDirectories: true)
    // Truncating: an existing file keeps what it was.
    try! content.write(toFile: full, atomically: false, encoding: .utf8)
  }

  func read(_ path: String) -> String? { try? String(contentsOfFile: root + "/" + path, encoding: .utf8) }

  /// The layout as if this were the kernel's tree and `position` the content of /proc/self/cgroup.
  func detect(_ position: String, mountTable: String = "") throws -> CgroupLayout {
    file("position", position)
    file("mountinfo", mountTable)
    return try CgroupLayout.detect(
      root: root + "/fs", position: root + "/position", mountTable: root + "/mountinfo")
  }
}

func failure(_ body: () throws -> Void) -> String? {
  do {
    try body()
    return nil
  } catch {
    return (error as? Failure)?.message ?? "\(error)"
  }
}

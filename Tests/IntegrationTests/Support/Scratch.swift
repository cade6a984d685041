import Foundation

/// The directory everything of this run lies in; it goes when the run ends.
enum Scratch {
  static let directory: String = {
    let path = NSTemporaryDirectory().hasSuffix("/") ? NSTemporaryDirectory() : NSTemporaryDirectory() + "/"
    let directory = path + "apus-tests-\(getpid())"
    try? Files.makeDirectory(directory)
    atexit {
      Files.removeTree(Scratch.directory)
      Hierarchies.removeParent()
    }
    return directory
  }()

  private static let counter = Counter()

  /// A name nobody else of this run has.
  static func name(_ prefix: String) -> String { "\(prefix)\(counter.next())" }

  /// An open file without a name.
  static func file() throws -> Int32 {
    let path = directory + "/" + name("file")
    // Append: several processes write with one offset each when the file is opened again by its /dev/stdout.
    let descriptor = try Files.open(path, O_RDWR | O_CREAT | O_EXCL | O_APPEND)
    unlink(path)
    return descriptor
  }

  /// A root file system is made of hard links to this busybox.
  static let busybox: String = {
    let path = directory + "/busybox"
    let paths = ["/bin/busybox", "/usr/bin/busybox"]
    guard let found = paths.first(where: Files.exists) else { return path }
    try? FileManager.default.copyItem(atPath: found, toPath: path)
    return path
  }()
}

private final class Counter: @unchecked Sendable {
  private let lock = NSLock()
  private var count = 0

  func next() -> Int {
    lock.lock()
    defer { lock.unlock() }
    count += 1
    return count
  }
}

import Foundation

/// A system call of the tests themselves that failed.
struct TestError: Error, CustomStringConvertible {
  var description: String

  init(_ description: String) { self.description = description }

  /// The last failure of a system call, in the C library's words.
  static func system(_ what: String) -> TestError { TestError(what + ": " + String(cString: strerror(errno))) }
}

/// Files, by absolute path. Every descriptor closes on exec: tests run side by side, and start processes.
enum Files {
  static func exists(_ path: String) -> Bool {
    var status = stat()
    return lstat(path, &status) == 0
  }

  static func makeDirectory(_ path: String, mode: mode_t = 0o755) throws {
    if mkdir(path, mode) != 0 && errno != EEXIST { throw TestError.system("mkdir \(path)") }
    if chmod(path, mode) != 0 { throw TestError.system("chmod \(path)") }
  }

  static func open(_ path: String, _ flags: Int32, mode: mode_t = 0o600) throws -> Int32 {
    let descriptor = Glibc.open(path, flags | O_CLOEXEC, mode)
    if descriptor < 0 { throw TestError.system("open \(path)") }
    return descriptor
  }

  static func write(_ text: String, to path: String, mode: mode_t = 0o644) throws {
    let descriptor = try open(path, O_WRONLY | O_CREAT | O_TRUNC, mode: mode)
    defer { close(descriptor) }
    try write(Array(text.utf8), to: descriptor)
    if fchmod(descriptor, mode) != 0 { throw TestError.system("chmod \(path)") }
  }

  static func write(_ bytes: [UInt8], to descriptor: Int32) throws {
    var rest = bytes[...]
    while !rest.isEmpty {
      let written = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if written < 0 { throw TestError.system("write") }
      rest = rest.dropFirst(written)
    }
  }

  /// The whole file; files of /proc, which have no size, too.
  static func read(_ path: String) throws -> String {
    let descriptor = try open(path, O_RDONLY)
    defer { close(descriptor) }
    return String(decoding: try read(descriptor), as: UTF8.self)
  }

  /// From the current offset to the end.
  static func read(_ descriptor: Int32) throws -> [UInt8] {
    var bytes: [UInt8] = []
    var part = [UInt8](repeating: 0, count: 16384)
    while true {
      let count = Glibc.read(descriptor, &part, part.count)
      if count < 0 { throw TestError.system("read") }
      if count == 0 { return bytes }
      bytes += part.prefix(count)
    }
  }

  /// The names in a directory, sorted; empty when there is none.
  static func names(_ path: String) -> [String] {
    (try? FileManager.default.contentsOfDirectory(atPath: path).sorted()) ?? []
  }

  static func link(_ path: String) -> String? {
    try? FileManager.default.destinationOfSymbolicLink(atPath: path)
  }

  static func makeLink(_ path: String, to target: String) throws {
    if symlink(target, path) != 0 { throw TestError.system("symlink \(path)") }
  }

  static func removeTree(_ path: String) {
    try? FileManager.default.removeItem(atPath: path)
  }
}

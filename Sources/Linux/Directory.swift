import CLinux

/// How a file is opened: open(2)'s flags by their names. Close-on-exec is always set.
public struct OpenFlags: OptionSet, Sendable {
  public let rawValue: Int32
  public init(rawValue: Int32) { self.rawValue = rawValue }

  public static let readOnly = OpenFlags(rawValue: O_RDONLY)
  public static let writeOnly = OpenFlags(rawValue: O_WRONLY)
  public static let readWrite = OpenFlags(rawValue: O_RDWR)
  public static let path = OpenFlags(rawValue: 0o10000000)
  public static let directory = OpenFlags(rawValue: O_DIRECTORY)
  public static let noFollow = OpenFlags(rawValue: O_NOFOLLOW)
  public static let create = OpenFlags(rawValue: O_CREAT)
  public static let exclusive = OpenFlags(rawValue: O_EXCL)
  public static let truncate = OpenFlags(rawValue: O_TRUNC)
  public static let append = OpenFlags(rawValue: O_APPEND)
  public static let nonBlocking = OpenFlags(rawValue: O_NONBLOCK)
  public static let noControllingTerminal = OpenFlags(rawValue: O_NOCTTY)
}

/// An open directory of the host: a trusted place, below which names are used as they are.
///
/// For anything a container could have touched, see ``Root``.
public struct Directory: ~Copyable {
  public let descriptor: Descriptor

  public init(_ descriptor: consuming Descriptor) { self.descriptor = descriptor }

  /// Opens a directory of the host by path.
  public init(path: String, _ flags: OpenFlags = [.readOnly]) throws(SystemError) {
    descriptor = try openFile(path, flags.union(.directory))
  }

  /// Opens the directory `name` below this one.
  public func directory(_ name: String, _ flags: OpenFlags = [.readOnly]) throws(SystemError) -> Directory {
    Directory(try open(name, flags.union(.directory)))
  }

  /// Opens the file `name` below this one. See openat(2).
  public func open(_ name: String, _ flags: OpenFlags, mode: UInt32 = 0) throws(SystemError) -> Descriptor {
    let result = unsafe clx_openat(descriptor.number, name, flags.rawValue | O_CLOEXEC, mode)
    return Descriptor(taking: try check("open", on: name, result))
  }

  /// The whole content of the file `name`.
  public func read(_ name: String, estimate: Int = 4096) throws(SystemError) -> [UInt8] {
    try open(name, .readOnly).readAll(estimate: estimate)
  }

  /// The whole content of a regular file, where a read that falls short has come to the end.
  public func readRegularFile(_ name: String) throws(SystemError) -> [UInt8] {
    let file = try open(name, .readOnly)
    let bytes = try file.read(upTo: 4096)
    return bytes.count < 4096 ? bytes : bytes + (try file.readAll())
  }

  /// The content of a small file, without the newline at its end.
  public func readLine(_ name: String) throws(SystemError) -> String {
    var bytes = try open(name, .readOnly).read(upTo: 4096)
    while let last = bytes.last, last == UInt8(ascii: "\n") || last == 0 { bytes.removeLast() }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Writes into the existing file `name`, in one call.
  public func write(_ text: String, to name: String) throws(SystemError) {
    let file = try open(name, .writeOnly)
    do {
      try file.write(text)
    } catch {
      throw error.on(name)
    }
  }

  /// Makes the file `name`, which nobody looks for yet.
  public func create(_ name: String, with bytes: [UInt8], mode: UInt32 = 0o600) throws(SystemError) {
    try write(bytes, to: name, [.writeOnly, .create, .exclusive, .noFollow], mode: mode)
  }

  /// Writes behind what the file `name` holds, in one call.
  public func append(_ bytes: [UInt8], to name: String) throws(SystemError) {
    try write(bytes, to: name, [.writeOnly, .append, .noFollow])
  }

  private func write(_ bytes: [UInt8], to name: String, _ flags: OpenFlags, mode: UInt32 = 0) throws(SystemError) {
    let file = try open(name, flags, mode: mode)
    do {
      try file.write(bytes)
    } catch {
      throw error.on(name)
    }
  }

  /// Replaces the file `name` by one with the given content: readers see the old one or the new one, never a part.
  ///
  /// - Parameter isThere: `name` is known to be a file. The two then change places, and the old one is removed: of a file that is
  ///   renamed over another ext4 writes out the blocks at once (ext4(5), `auto_da_alloc`), which costs more than all the rest.
  public func replace(_ name: String, with bytes: [UInt8], mode: UInt32 = 0o600, isThere: Bool = false)
    throws(SystemError)
  {
    let temporary = "." + name + ".new"
    do {
      try open(temporary, [.writeOnly, .create, .truncate, .noFollow], mode: mode).write(bytes)
      // Not every file system can.
      if isThere, unsafe clx_exchange(descriptor.number, temporary, name) == 0 { return try remove(temporary) }
      try check(
        "rename", on: name, unsafe clx_renameat(descriptor.number, temporary, descriptor.number, name))
    } catch {
      _ = unsafe clx_unlinkat(descriptor.number, temporary, 0)
      throw error.call.description == "write" ? error.on(name) : error
    }
  }

  /// Creates the directory `name`. See mkdirat(2).
  public func makeDirectory(_ name: String, mode: UInt32 = 0o755) throws(SystemError) {
    try check("mkdir", on: name, unsafe clx_mkdirat(descriptor.number, name, mode))
  }

  /// Removes the empty directory `name`. See rmdir(2).
  public func removeDirectory(_ name: String) throws(SystemError) {
    try check("rmdir", on: name, unsafe clx_unlinkat(descriptor.number, name, Int32(CLX_AT_REMOVEDIR)))
  }

  /// Removes the file `name`. See unlink(2).
  public func remove(_ name: String) throws(SystemError) {
    try check("unlink", on: name, unsafe clx_unlinkat(descriptor.number, name, 0))
  }

  /// Renames `name` to `other`, both below this directory. See rename(2).
  public func rename(_ name: String, to other: String) throws(SystemError) {
    try check("rename", on: name, unsafe clx_renameat(descriptor.number, name, descriptor.number, other))
  }

  /// Whether `name` exists; a symlink counts as itself.
  public func contains(_ name: String) -> Bool {
    unsafe clx_faccessat(descriptor.number, name, F_OK, Int32(CLX_AT_SYMLINK_NOFOLLOW)) == 0
  }

  /// What stat(2) says of `name`; a symlink is not followed.
  public func status(of name: String) throws(SystemError) -> FileStatus {
    try FileStatus(at: descriptor.number, name, CLX_AT_SYMLINK_NOFOLLOW)
  }

  /// The names in the directory, without `.` and `..`, in the kernel's order. See getdents(2).
  public func names() throws(SystemError) -> [String] {
    try entries().map { $0.name }
  }

  /// The names of the directories in this directory.
  public func directoryNames() throws(SystemError) -> [String] {
    try entries().filter { $0.isDirectory }.map { $0.name }
  }

  private func entries() throws(SystemError) -> [(name: String, isDirectory: Bool)] {
    // A descriptor of its own: the position in a directory belongs to the open file.
    let reader = try open(".", [.readOnly, .directory])
    var found: [(name: String, isDirectory: Bool)] = []
    while true {
      var result = 0
      let block = unsafe [UInt8](unsafeUninitializedCapacity: 8192) { buffer, count in
        result = unsafe clx_getdents(reader.number, buffer.baseAddress, 8192)
        count = max(0, result)
      }
      try check("getdents64", result)
      if block.isEmpty { return found }
      var offset = 0
      // struct linux_dirent64: inode 8, offset 8, record length 2, type 1, name.
      while offset + 19 <= block.count {
        let length = Int(block[offset + 16]) | Int(block[offset + 17]) << 8
        let name = String(decoding: block[(offset + 19)..<(offset + length)].prefix { $0 != 0 }, as: UTF8.self)
        if name != "." && name != ".." { found.append((name, block[offset + 18] == 4 /* DT_DIR */)) }
        offset += length
      }
    }
  }

  /// Removes `name` and everything below it, staying on this file system and following no symlink. Others may do the same at the same
  /// time: what is gone already is no error.
  public func removeTree(_ name: String) throws(SystemError) {
    do {
      let inside = try directory(name, [.readOnly, .noFollow])
      for (child, isDirectory) in try inside.entries() {
        if isDirectory { try inside.removeTree(child) } else { try inside.removeIfThere(child) }
      }
      try removeDirectory(name)
    } catch {
      switch error.errno {
      case .noSuchFileOrDirectory: return
      // A file or a link, which has nothing below it.
      case .notDirectory, .tooManySymbolicLinkLevels: try removeIfThere(name)
      default: throw error
      }
    }
  }

  private func removeIfThere(_ name: String) throws(SystemError) {
    do { try remove(name) } catch { if error.errno != .noSuchFileOrDirectory { throw error } }
  }
}

/// Opens a file of the host by path: configuration, bundles, namespaces of other processes.
public func openFile(_ path: String, _ flags: OpenFlags = .readOnly, mode: UInt32 = 0) throws(SystemError) -> Descriptor
{
  let result = unsafe clx_openat(Int32(CLX_AT_FDCWD), path, flags.rawValue | O_CLOEXEC, mode)
  return Descriptor(taking: try check("open", on: path, result))
}

/// The whole content of a file of the host.
public func readFile(_ path: String, estimate: Int = 4096, limit: Int = 64 << 20) throws(SystemError) -> [UInt8] {
  do {
    let file = try openFile(path)
    // Files of /proc and pipes have no size; one byte more than a file's, so that its end is seen with the next read.
    let size = try file.status().size
    return try file.readAll(estimate: max(estimate, Int(min(size, UInt64(limit))) + 1), limit: limit)
  } catch {
    throw error.on(path)
  }
}

/// The whole of a document that a person names: a file of the host, or by `-` what comes on standard input.
public func readDocument(_ path: String) throws(SystemError) -> [UInt8] {
  if path != "-" { return try readFile(path) }
  return try withBorrowed(0) { (input) throws(SystemError) in try input.readAll() }
}

/// What stat(2) says of a path of the host, symlinks followed.
public func fileStatus(_ path: String, follows: Bool = true) throws(SystemError) -> FileStatus {
  try FileStatus(at: Int32(CLX_AT_FDCWD), path, follows ? 0 : CLX_AT_SYMLINK_NOFOLLOW)
}

/// Where the symlink `path` of the host leads. See readlink(2).
public func readLink(_ path: String) throws(SystemError) -> String {
  try readLink(path, in: Int32(CLX_AT_FDCWD))
}

extension Descriptor {
  /// Where the symlink behind the descriptor leads.
  public func readLink() throws(SystemError) -> String { try Linux.readLink("", in: number) }
}

/// Where the symlink `path` below an open directory leads. See readlinkat(2).
func readLink(_ path: String, in directory: Int32) throws(SystemError) -> String {
  var result = 0
  let bytes = unsafe [UInt8](unsafeUninitializedCapacity: 4096) { buffer, count in
    result = unsafe buffer.withMemoryRebound(to: CChar.self) {
      unsafe clx_readlinkat(directory, path, $0.baseAddress, 4096)
    }
    count = max(0, result)
  }
  try check("readlink", on: path, result)
  return String(decoding: bytes, as: UTF8.self)
}

/// Creates a directory of the host and those above it that are missing.
public func makeDirectories(_ path: String, mode: UInt32 = 0o755) throws(SystemError) {
  let result = unsafe clx_mkdirat(Int32(CLX_AT_FDCWD), path, mode)
  if result == 0 || result == -EEXIST { return }
  guard result == -ENOENT, let slash = path.lastIndex(of: "/"), slash != path.startIndex else {
    try check("mkdir", on: path, result)
    return
  }
  try makeDirectories(String(path[..<slash]), mode: mode)
  let again = unsafe clx_mkdirat(Int32(CLX_AT_FDCWD), path, mode)
  if again != -EEXIST { try check("mkdir", on: path, again) }
}

/// The absolute path of an existing directory, without symlinks.
public func resolvedPath(_ path: String) throws(SystemError) -> String {
  let directory = try openFile(path, [.path, .directory])
  return try readLink("/proc/self/fd/" + String(directory.number))
}

/// The current working directory, resolved. See getcwd(2).
public func currentDirectory() throws(SystemError) -> String {
  var result = 0
  let bytes = unsafe [UInt8](unsafeUninitializedCapacity: 4097) { buffer, count in
    result = unsafe buffer.withMemoryRebound(to: CChar.self) { unsafe clx_getcwd($0.baseAddress, 4097) }
    count = max(0, result - 1)
  }
  try check("getcwd", result)
  return String(decoding: bytes, as: UTF8.self)
}

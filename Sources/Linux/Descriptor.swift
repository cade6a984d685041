import CLinux

/// An open file that is closed when its owner goes.
@frozen
public struct Descriptor: ~Copyable {
  public let number: Int32

  /// Takes ownership of an open descriptor.
  public init(taking number: Int32) { self.number = number }

  deinit { _ = clx_close(number) }

  /// Gives the number up without closing it: for descriptors that outlive the process image.
  public consuming func release() -> Int32 {
    let number = self.number
    discard self
    return number
  }

  /// Another descriptor for the same open file, close-on-exec, not below `lowest`. See fcntl(2), F_DUPFD_CLOEXEC.
  public func duplicate(lowest: Int32 = 3) throws(SystemError) -> Descriptor {
    Descriptor(taking: try check("fcntl", clx_dup_cloexec(number, lowest)))
  }

  /// Makes `target` another name for this open file. See dup3(2).
  public func install(as target: Int32) throws(SystemError) {
    if number == target {
      try check("fcntl", clx_set_cloexec(number, 0))
    } else {
      try check("dup3", clx_dup3(number, target, 0))
    }
  }

  /// Whether the descriptor is closed by execve(2).
  public func setCloseOnExec(_ on: Bool) throws(SystemError) {
    try check("fcntl", clx_set_cloexec(number, on ? 1 : 0))
  }

  /// The numbers of both ends of a new pipe, close-on-exec, for the caller to take: what is written to the second is
  /// read from the first. See pipe(2).
  public static func pipe() throws(SystemError) -> (reader: Int32, writer: Int32) {
    var numbers: (reader: Int32, writer: Int32) = (-1, -1)
    let result = unsafe withUnsafeMutableBytes(of: &numbers) {
      unsafe clx_pipe($0.assumingMemoryBound(to: Int32.self).baseAddress)
    }
    try check("pipe2", result)
    return numbers
  }

  /// A file in memory with the given content, positioned at its start. See memfd_create(2).
  public static func memory(_ name: String, _ bytes: [UInt8]) throws(SystemError) -> Descriptor {
    let file = Descriptor(taking: try check("memfd_create", on: name, unsafe clx_memfd_create(name, 1)))
    try file.write(bytes)
    try check("lseek", on: name, clx_rewind(file.number))
    return file
  }

  // MARK: reading and writing

  /// Reads up to `size` bytes; an empty array at the end of the file. See read(2).
  public func read(upTo size: Int) throws(SystemError) -> [UInt8] {
    var result = 0
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
      repeat { result = unsafe clx_read(number, buffer.baseAddress, size) } while result == -Int(EINTR)
      count = max(0, result)
    }
    try check("read", result)
    return bytes
  }

  /// The whole of what is left to read, in few calls: the first buffer holds `estimate` bytes.
  public func readAll(estimate: Int = 4096, limit: Int = 64 << 20) throws(SystemError) -> [UInt8] {
    var bytes = try read(upTo: estimate)
    if bytes.isEmpty { return bytes }
    while true {
      let more = try read(upTo: max(estimate, bytes.count))
      if more.isEmpty { return bytes }
      bytes += more
      if bytes.count > limit { throw SystemError(call: "read", subject: "", errno: .fileTooLarge) }
    }
  }

  /// Writes all the bytes. See write(2).
  public func write(_ bytes: [UInt8]) throws(SystemError) {
    var done = 0
    while done < bytes.count {
      let result = unsafe bytes.withUnsafeBytes { unsafe clx_write(number, $0.baseAddress! + done, $0.count - done) }
      if result == -Int(EINTR) { continue }
      done += try check("write", result)
    }
  }

  /// Writes the string in one call, as files of /proc and of cgroups ask for.
  public func write(_ text: String) throws(SystemError) {
    var text = text
    var result: Int
    // A limit of memory reclaims first, and breaks off when there is a signal.
    repeat {
      result = text.withUTF8 { unsafe clx_write(number, $0.baseAddress, $0.count) }
    } while result == -Int(EINTR)
    try check("write", result)
  }

  /// What stat(2) says of the open file.
  public func status() throws(SystemError) -> FileStatus {
    try FileStatus(at: number, "", CLX_AT_EMPTY_PATH)
  }

  /// The type of the file system the file is on (statfs(2), linux/magic.h).
  public func fileSystemType() throws(SystemError) -> Int {
    try check("fstatfs", clx_fstatfs_type(number))
  }

  /// Whether the mount through which the file was opened is read-only, or all of the file system (statfs(2)).
  public func isOnReadOnlyMount() throws(SystemError) -> Bool {
    try check("fstatfs", clx_fstatfs_flags(number)) & 1 /* ST_RDONLY */ != 0
  }

  /// Takes an exclusive lock on the open file; `false` when another process holds it and `wait` is off. See flock(2).
  public func lock(wait: Bool) throws(SystemError) -> Bool {
    while true {
      let result = clx_flock(number, LOCK_EX | (wait ? 0 : LOCK_NB))
      if result == -EINTR { continue }
      if result == -EWOULDBLOCK && !wait { return false }
      try check("flock", result)
      return true
    }
  }

  /// Gives the lock up, also that of children who have inherited the open file.
  public func unlock() { _ = clx_flock(number, LOCK_UN) }
}

/// Lends an open descriptor that somebody else owns, or that the process was started with.
public func withBorrowed<R>(_ number: Int32, _ body: (borrowing Descriptor) throws(SystemError) -> R)
  throws(SystemError) -> R
{
  let descriptor = Descriptor(taking: number)
  let result: Result<R, SystemError>
  do throws(SystemError) {
    result = .success(try body(descriptor))
  } catch {
    result = .failure(error)
  }
  _ = descriptor.release()
  return try result.get()
}

/// What stat(2) knows of a file, as far as a runtime asks.
public struct FileStatus: Equatable {
  public let mode: UInt32
  public let uid: UInt32
  public let gid: UInt32
  /// Number of hard links; 0 once the file is deleted.
  public let links: UInt32
  public let device: UInt64
  public let inode: UInt64
  /// The device a special file stands for.
  public let special: UInt64
  /// Bytes.
  public let size: UInt64

  init(at directory: Int32, _ path: String, _ flags: Int) throws(SystemError) {
    var raw = clx_stat()
    try check("fstatat", on: path, unsafe clx_fstatat(directory, path, &raw, Int32(flags)))
    mode = raw.mode
    uid = raw.uid
    gid = raw.gid
    links = raw.links
    device = raw.device
    inode = raw.inode
    special = raw.special
    size = raw.size
  }

  public func isSameFile(as other: FileStatus) -> Bool { device == other.device && inode == other.inode }

  /// What kind of file it is: the `S_IFMT` bits of `mode`.
  public var kind: UInt32 { mode & FileStatus.kindMask }
  public var isDirectory: Bool { kind == FileStatus.directory }
  public var isRegular: Bool { kind == FileStatus.regular }
  public var isSymlink: Bool { kind == FileStatus.symlink }
  public var isSocket: Bool { kind == FileStatus.socket }
  /// Whether nobody but us could have written there.
  public var isOurs: Bool { uid == CurrentProcess.effectiveUID && mode & 0o022 == 0 }

  // inode(7)
  public static let kindMask: UInt32 = 0o170000
  public static let socket: UInt32 = 0o140000
  public static let symlink: UInt32 = 0o120000
  public static let regular: UInt32 = 0o100000
  public static let blockDevice: UInt32 = 0o060000
  public static let directory: UInt32 = 0o040000
  public static let characterDevice: UInt32 = 0o020000
  public static let fifo: UInt32 = 0o010000

  /// A device is known by kind *and* number: a file of another kind may carry the same number (design, rule 9).
  public func isCharacterDevice(_ major: UInt32, _ minor: UInt32) -> Bool {
    kind == FileStatus.characterDevice && special == clx_makedev(major, minor)
  }
}

extension Descriptor {
  /// Marks every descriptor from `first` on close-on-exec, without knowing which are open. See close_range(2), Linux 5.11.
  public static func closeOnExec(from first: Int32) throws(SystemError) {
    if first < 0 { return }
    try check("close_range", clx_close_range(UInt32(first), UInt32.max, 4 /* CLOSE_RANGE_CLOEXEC */))
  }

  /// Closes every descriptor in the range. See close_range(2), Linux 5.9.
  public static func close(from first: Int32, through last: Int32 = Int32.max) throws(SystemError) {
    if first > last { return }
    try check("close_range", clx_close_range(UInt32(first), UInt32(last), 0))
  }

  /// Whether the number names an open file.
  public static func isOpen(_ number: Int32) -> Bool { clx_get_descriptor_flags(number) >= 0 }
}

import CLinux

/// A directory below which paths are resolved as if it were `/`: no symlink, `..` or magic link leads out of it.
///
/// Everything inside may be hostile and may change while we look at it. A path is therefore resolved once, by the
/// kernel, to a descriptor; what is checked and what is used are then the same file.
public struct Root: ~Copyable {
  public let directory: Descriptor

  public init(_ directory: consuming Descriptor) { self.directory = directory }

  /// Opens `path` inside the root. See openat2(2), Linux 5.6.
  public func open(_ path: String, _ flags: OpenFlags = .path, mode: UInt32 = 0) throws(SystemError) -> Descriptor {
    try open(path, flags, mode: mode, resolve: RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)
  }

  /// Opens `path` inside the root, refusing symlinks in any component and, unless they are `allowed`, other mounts.
  public func openWithoutSymlinks(_ path: String, _ flags: OpenFlags = .path, mounts allowed: Bool = true)
    throws(SystemError) -> Descriptor
  {
    let resolve = RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS
    return try open(path, flags, mode: 0, resolve: allowed ? resolve : resolve | RESOLVE_NO_XDEV)
  }

  private func open(_ path: String, _ flags: OpenFlags, mode: UInt32, resolve: Int32) throws(SystemError) -> Descriptor
  {
    // EAGAIN: a rename raced with the walk through a `..`; the kernel asks to try again.
    while true {
      let result = unsafe clx_openat2(
        directory.number, path, UInt64(flags.rawValue | O_CLOEXEC), UInt64(mode), UInt64(resolve))
      if result == -EAGAIN || result == -EINTR { continue }
      return Descriptor(taking: try check("openat2", on: path, result))
    }
  }

  /// Opens the directory `path`, creating what is missing of it.
  ///
  /// Missing components are made one at a time below the descriptor of their parent, and each is opened again
  /// through the root: a symlink put in between leads to a place inside the root, or to an error.
  public func openDirectory(creating path: String, mode: UInt32 = 0o755) throws(SystemError) -> Descriptor {
    do {
      return try open(path, [.path, .directory])
    } catch {
      if error.errno != .noSuchFileOrDirectory { throw error }
    }
    // A dangling symlink on the way is followed as the kernel would, and its target made, still inside the root.
    var walk = ""
    var current = try directory.duplicate()
    for component in path.split(separator: "/") where component != "." {
      walk += "/" + component
      current = try child(String(component), of: current, at: walk, mode: mode)
    }
    return current
  }

  private func child(_ name: String, of parent: borrowing Descriptor, at walk: String, mode: UInt32)
    throws(SystemError) -> Descriptor
  {
    for _ in 0..<8 {
      do {
        return try open(walk, [.path, .directory])
      } catch {
        if error.errno != .noSuchFileOrDirectory { throw error }
      }
      if name == ".." { continue }
      let made = unsafe clx_mkdirat(parent.number, name, mode)
      if made == -EEXIST {
        // Something is there and yet leads nowhere: a dangling symlink.
        let target = try readLink(name, in: parent.number)
        let base = target.hasPrefix("/") ? "" : String(walk[..<walk.lastIndex(of: "/")!]) + "/"
        return try openDirectory(creating: base + target, mode: mode)
      }
      try check("mkdirat", on: walk, made)
    }
    throw SystemError(call: "openat2", subject: walk, errno: .tooManySymbolicLinkLevels)
  }

  /// Opens the file `path` for use as a mount target, creating an empty one, and the directories above it, if missing.
  public func openFile(creating path: String, mode: UInt32 = 0o644) throws(SystemError) -> Descriptor {
    do {
      return try open(path, .path)
    } catch {
      if error.errno != .noSuchFileOrDirectory { throw error }
    }
    let (parentPath, name) = splitPath(path)
    let parent = try openDirectory(creating: parentPath)
    do {
      // O_EXCL: never through a symlink; O_CREAT without it would follow a dangling one.
      let made = unsafe clx_openat(parent.number, name, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, mode)
      if made == -EEXIST {
        let target = try readLink(name, in: parent.number)
        return try openFile(creating: target.hasPrefix("/") ? target : parentPath + "/" + target, mode: mode)
      }
      _ = Descriptor(taking: try check("openat", on: path, made))
    }
    return try open(path, .path)
  }

  /// Makes a device, fifo or socket node. See mknodat(2). An existing file of that name is an error.
  public func makeNode(_ name: String, in parent: borrowing Descriptor, mode: UInt32, device: UInt64)
    throws(SystemError)
  {
    try check("mknodat", on: name, unsafe clx_mknodat(parent.number, name, mode, device))
  }

  /// Makes a symlink; an existing file of that name is left as it is.
  ///
  /// - Parameter replaces: the file goes, unless it is a directory, a mount point or read-only.
  public func makeSymlink(
    _ name: String, in parent: borrowing Descriptor, to target: String, replaces: Bool = false
  ) throws(SystemError) {
    var result = unsafe clx_symlinkat(target, parent.number, name)
    if result == -EEXIST && replaces {
      let removed = unsafe clx_unlinkat(parent.number, name, 0)
      switch removed {
      case -EISDIR, -EBUSY, -EROFS: return
      case -ENOENT: break
      default: try check("unlinkat", on: name, removed)
      }
      result = unsafe clx_symlinkat(target, parent.number, name)
    }
    if result != -EEXIST { try check("symlinkat", on: name, result) }
  }

  /// Makes the symlink `path`, and the directories above it, if missing. What is there has to be the same link.
  public func makeSymlink(creating path: String, to target: String) throws(SystemError) {
    let (parentPath, name) = splitPath(path)
    let parent = try openDirectory(creating: parentPath)
    let result = unsafe clx_symlinkat(target, parent.number, name)
    if result == -EEXIST, (try? readLink(name, in: parent.number)) == target { return }
    try check("symlinkat", on: path, result)
  }
}

/// `/a/b/c` as `/a/b` and `c`; trailing slashes and `.` components do not count.
public func splitPath(_ path: String) -> (parent: String, name: String) {
  let parts = path.split(separator: "/").filter { $0 != "." }
  guard let last = parts.last else { return ("/", ".") }
  return ("/" + parts.dropLast().joined(separator: "/"), String(last))
}

extension Descriptor {
  /// Changes owner and group of the file behind the descriptor, O_PATH included. See fchownat(2), AT_EMPTY_PATH.
  public func changeOwner(uid: UInt32, gid: UInt32) throws(SystemError) {
    try check("fchownat", unsafe clx_fchownat(number, "", uid, gid, Int32(CLX_AT_EMPTY_PATH)))
  }

  /// Changes the owner and keeps the group.
  public func changeOwner(uid: UInt32) throws(SystemError) {
    try check("fchownat", unsafe clx_fchownat(number, "", uid, UInt32.max, Int32(CLX_AT_EMPTY_PATH)))
  }

  /// Changes the permission bits of `name` in this directory: a file just made there by us, not a symlink.
  public func changeMode(of name: String, to mode: UInt32) throws(SystemError) {
    try check("fchmodat", on: name, unsafe clx_fchmodat(number, name, mode))
  }
}

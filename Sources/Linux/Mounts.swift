import CLinux

/// Attributes of a mount (not of the file system on it). See mount_setattr(2).
public struct MountAttributes: OptionSet, Sendable, Equatable {
  public let rawValue: UInt64
  public init(rawValue: UInt64) { self.rawValue = rawValue }

  public static let readOnly = MountAttributes(rawValue: 0x1)
  public static let noSuid = MountAttributes(rawValue: 0x2)
  public static let noDev = MountAttributes(rawValue: 0x4)
  public static let noExec = MountAttributes(rawValue: 0x8)
  /// The field of the three access-time settings: to be cleared whenever one of them is set.
  public static let accessTime = MountAttributes(rawValue: 0x70)
  public static let noAccessTime = MountAttributes(rawValue: 0x10)
  public static let strictAccessTime = MountAttributes(rawValue: 0x20)
  public static let noDirAccessTime = MountAttributes(rawValue: 0x80)
  public static let idMap = MountAttributes(rawValue: 0x0010_0000)
  /// Linux 5.14.
  public static let noSymlinkFollow = MountAttributes(rawValue: 0x0020_0000)
}

/// How mount events travel between a mount and its peers (mount_namespaces(7)).
public enum Propagation: UInt64, Sendable, Equatable {
  case unbindable = 0x2_0000  // MS_UNBINDABLE
  case `private` = 0x4_0000
  case slave = 0x8_0000
  case shared = 0x10_0000
}

/// A mount held by a descriptor: detached (in no namespace's tree) until it is attached.
///
/// A detached mount can be prepared out of everybody's reach, and is attached to a descriptor that was checked:
/// no path is looked up between the check and the use.
public struct DetachedMount: ~Copyable {
  public let descriptor: Descriptor

  /// Clones what is mounted at `source`, with the mounts below it when `recursive`. See open_tree(2), Linux 5.2.
  ///
  /// - Parameter follows: whether it is what a symbolic link leads to, and not the link.
  public init(cloning source: String, recursive: Bool, follows: Bool = true) throws(SystemError) {
    let flags: UInt32 = (recursive ? 0x8000 : 0) | (follows ? 0 : 0x100 /* AT_SYMLINK_NOFOLLOW */)
    let result = unsafe clx_open_tree(
      Int32(CLX_AT_FDCWD), source, UInt32(OPEN_TREE_CLONE) | UInt32(O_CLOEXEC) | flags)
    descriptor = Descriptor(taking: try check("open_tree", on: source, result))
  }

  /// Clones what the descriptor stands for.
  public init(cloning file: borrowing Descriptor, recursive: Bool) throws(SystemError) {
    let result = unsafe clx_open_tree(
      file.number, "", UInt32(OPEN_TREE_CLONE) | UInt32(O_CLOEXEC) | 0x1000 | (recursive ? 0x8000 : 0))
    descriptor = Descriptor(taking: try check("open_tree", result))
  }

  /// A mount that somebody else has made.
  public init(_ descriptor: consuming Descriptor) { self.descriptor = descriptor }

  /// Gives up the mount and keeps its root directory: a file system reachable by this descriptor alone.
  public consuming func intoDescriptor() -> Descriptor { descriptor }

  /// Changes the attributes and propagation of the mount. See mount_setattr(2), Linux 5.12.
  ///
  /// - Parameter userNamespace: with `.idMap`, the descriptor of the user namespace whose maps are applied.
  public func set(
    _ set: MountAttributes, clear: MountAttributes = [], propagation: Propagation? = nil, recursive: Bool = false,
    userNamespace: Int32 = 0
  ) throws(SystemError) {
    // Without AT_EMPTY_PATH's help an attribute change would need a path.
    let flags: UInt32 = 0x1000 | (recursive ? 0x8000 : 0)
    try check(
      "mount_setattr",
      unsafe clx_mount_setattr(
        descriptor.number, "", flags, set.rawValue, clear.rawValue, propagation?.rawValue ?? 0, userNamespace))
  }

  /// Attaches the mount onto the file or directory behind the descriptor. See move_mount(2), Linux 5.2.
  public func attach(to target: borrowing Descriptor) throws(SystemError) {
    try check("move_mount", clx_move_mount(descriptor.number, target.number))
  }
}

/// A file system being configured, before it becomes a mount. See fsopen(2), Linux 5.2.
public struct FileSystemContext: ~Copyable {
  let descriptor: Descriptor
  let type: String

  public init(_ type: String) throws(SystemError) {
    self.type = type
    descriptor = Descriptor(taking: try check("fsopen", on: type, unsafe clx_fsopen(type)))
  }

  /// Opens the configuration of the file system mounted there. See fspick(2), Linux 5.2.
  public init(changing mount: borrowing Descriptor) throws(SystemError) {
    type = "remount"
    descriptor = Descriptor(taking: try check("fspick", clx_fspick(mount.number)))
  }

  /// Makes what was set so, in a file system opened by ``init(changing:)``. See fsconfig(2).
  public func apply() throws(SystemError) {
    let result = clx_fsconfig(descriptor.number, FSCONFIG_CMD_RECONFIGURE.rawValue, nil, nil, 0)
    if result < 0 {
      throw SystemError(call: "fsconfig", subject: type + complaint(), errno: Errno(rawValue: -result))
    }
  }

  /// Sets a flag (`nil`) or a value. See fsconfig(2). The kernel's own words, where it left some, are in the error.
  public func set(_ key: String, _ value: String? = nil) throws(SystemError) {
    let result: Int32
    if let value {
      result = unsafe value.withCString {
        unsafe clx_fsconfig(descriptor.number, FSCONFIG_SET_STRING.rawValue, key, $0, 0)
      }
    } else {
      result = unsafe clx_fsconfig(descriptor.number, FSCONFIG_SET_FLAG.rawValue, key, nil, 0)
    }
    if result < 0 {
      throw SystemError(
        call: "fsconfig", subject: type + ": " + key + (value.map { "=" + $0 } ?? "") + complaint(),
        errno: Errno(rawValue: -result))
    }
  }

  /// Makes the file system, and a mount of it that is attached nowhere yet. See fsmount(2).
  public consuming func mount(_ attributes: MountAttributes = []) throws(SystemError) -> DetachedMount {
    let made = clx_fsconfig(descriptor.number, FSCONFIG_CMD_CREATE.rawValue, nil, nil, 0)
    if made < 0 {
      throw SystemError(call: "fsconfig", subject: type + complaint(), errno: Errno(rawValue: -made))
    }
    let result = clx_fsmount(descriptor.number, UInt32(attributes.rawValue))
    return DetachedMount(Descriptor(taking: try check("fsmount", on: type, result)))
  }

  /// What the kernel says went wrong, from the context's message log: `: overlay: missing 'lowerdir'`.
  private func complaint() -> String {
    guard let bytes = try? descriptor.read(upTo: 512), bytes.count > 2 else { return "" }
    var text = String(decoding: bytes.dropFirst(2), as: UTF8.self)
    while text.hasSuffix("\n") { text.removeLast() }
    return ": " + text
  }
}

/// Changes of the calling process's mount namespace as a whole.
public enum MountNamespace {
  /// Changes how events travel between every mount of this namespace and its peers.
  public static func setPropagation(_ propagation: Propagation, of path: String, recursive: Bool) throws(SystemError) {
    try check(
      "mount_setattr", on: path,
      unsafe clx_mount_setattr(
        Int32(CLX_AT_FDCWD), path, recursive ? 0x8000 : 0, 0, 0, propagation.rawValue, 0))
  }

  /// Changes attributes of the mount at `path`.
  public static func setAttributes(
    of path: String, _ set: MountAttributes, clear: MountAttributes = [], recursive: Bool
  ) throws(SystemError) {
    try check(
      "mount_setattr", on: path,
      unsafe clx_mount_setattr(
        Int32(CLX_AT_FDCWD), path, recursive ? 0x8000 : 0, set.rawValue, clear.rawValue, 0, 0))
  }

  /// Makes the current directory the root of the namespace and lets go of the old root, whose mounts must be slaves or
  /// private: their unmounting would be felt outside. See pivot_root(2), "pivot_root(".", ".")".
  public static func pivotIntoCurrentDirectory() throws(SystemError) {
    try check("pivot_root", unsafe clx_pivot_root(".", "."))
    // The old root now lies on top of the new one. Only umount2 sees it there: to other calls "." is the new root.
    try check("umount2", on: "old root", unsafe clx_umount2(".", 2 /* MNT_DETACH */))
    try check("chdir", on: "/", unsafe clx_chdir("/"))
  }

  /// Moves the mount at the current directory over `/` and changes root to it: for roots that pivot_root(2) refuses
  /// (an initramfs).
  public static func moveCurrentDirectoryToRoot() throws(SystemError) {
    try check("mount", on: "/", unsafe clx_mount(".", "/", nil, 8192 /* MS_MOVE */, nil))
    try CurrentProcess.changeRootToCurrentDirectory()
  }

  /// Detaches what is mounted at the name in the directory, which becomes the current one. A symbolic link is not followed.
  public static func detach(_ name: String, in directory: borrowing Descriptor) throws(SystemError) {
    try CurrentProcess.changeDirectory(directory)
    // MNT_DETACH | UMOUNT_NOFOLLOW
    try check("umount2", on: name, unsafe clx_umount2(name, 2 | 8))
  }

  /// Detaches what is mounted at `path`. See umount2(2), MNT_DETACH.
  public static func detach(_ path: String) throws(SystemError) {
    try check("umount2", on: path, unsafe clx_umount2(path, 2))
  }
}

extension MountNamespace {
  /// Changes how events travel between the mount behind the descriptor and its peers.
  public static func setPropagation(_ propagation: Propagation, of mount: borrowing Descriptor, recursive: Bool)
    throws(SystemError)
  {
    let flags: UInt32 = 0x1000 | (recursive ? 0x8000 : 0)
    try check("mount_setattr", unsafe clx_mount_setattr(mount.number, "", flags, 0, 0, propagation.rawValue, 0))
  }

  /// Changes attributes of the mount behind the descriptor.
  public static func setAttributes(
    of mount: borrowing Descriptor, _ set: MountAttributes, clear: MountAttributes = [], recursive: Bool
  ) throws(SystemError) {
    let flags: UInt32 = 0x1000 | (recursive ? 0x8000 : 0)
    try check("mount_setattr", unsafe clx_mount_setattr(mount.number, "", flags, set.rawValue, clear.rawValue, 0, 0))
  }

  /// Mounts by mount(2): only for options longer than the 255 bytes that fsconfig(2) takes, such as many `lowerdir`s.
  ///
  /// The target is named through this process's own descriptor table, before any namespace but ours was entered.
  public static func mount(
    type: String, source: String, on target: borrowing Descriptor, _ attributes: MountAttributes, data: String
  ) throws(SystemError) {
    // The low four attributes are mount(2)'s flags; the others have their own bits there.
    var flags = UInt(attributes.rawValue & 0xf)
    if attributes.contains(.noAccessTime) { flags |= 1 << 10 }
    if attributes.contains(.noDirAccessTime) { flags |= 1 << 11 }
    if attributes.contains(.strictAccessTime) { flags |= 1 << 24 }
    if attributes.contains(.noSymlinkFollow) { flags |= 1 << 8 }
    let path = "/proc/self/fd/" + String(target.number)
    try check("mount", on: type, unsafe data.withCString { unsafe clx_mount(source, path, type, flags, $0) })
  }
}

/// The number of a device as the kernel packs it. See makedev(3).
public func deviceNumber(_ major: UInt32, _ minor: UInt32) -> UInt64 { clx_makedev(major, minor) }

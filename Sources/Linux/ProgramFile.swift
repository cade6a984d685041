import CLinux

/// The file of the program that is running.
///
/// Whoever may look into a process reaches it as /proc/PID/exe, past every mount and root directory; a container's
/// first process has the runtime's until it executes its own program, and any process in the container that is made to execute
/// `/proc/self/exe` meanwhile has it for longer. With the host's root in the container it could be written to (CVE-2019-5736).
public struct ProgramFile: ~Copyable {
  private let file: Descriptor

  /// That of the calling process.
  public init() throws(SystemError) { file = try openFile(ProgramFile.link) }

  private static var link: String { "/proc/self/exe" }

  // MARK: looking

  /// Whether nobody can write to it, whatever his rights.
  public func isSealed() throws(SystemError) -> Bool {
    let type = try file.fileSystemType()
    if type == CLX_TMPFS_MAGIC && ProgramFile.hasAllSeals(file) { return true }
    guard try file.isOnReadOnlyMount() else { return false }
    // A mount is made writable more easily than a file system: so try that, with a copy of the mount.
    if let isReadOnly = isReadOnlyFileSystem() { return isReadOnly }
    // Our own overlay is mounted nowhere, and gives no copies.
    return type == CLX_OVERLAYFS_MAGIC
  }

  /// `nil` when the kernel does not let us find out.
  private func isReadOnlyFileSystem() -> Bool? {
    do throws(SystemError) {
      let copy = try DetachedMount(cloning: file, recursive: false)
      try copy.set([], clear: .readOnly)
      return try copy.descriptor.isOnReadOnlyMount()
    } catch {
      return nil
    }
  }

  /// See memfd_create(2), "File sealing".
  private static func hasAllSeals(_ file: borrowing Descriptor) -> Bool {
    let seals = clx_get_seals(file.number)
    return seals >= 0 && seals & allSeals == allSeals
  }

  /// F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_WRITE
  private static var allSeals: Int32 { 0xf }

  // MARK: sealing

  /// Starts the program again, from a file that is sealed, with the arguments, the environment and the descriptors it was
  /// started with. Returns only by throwing.
  public func restartSealed() throws(SystemError) {
    // The kernel, the lack of a privilege or a security policy may refuse any step of this; a copy takes no privilege.
    do throws(SystemError) { try execute(overlaid()) } catch {}
    try execute(copied())
  }

  /// The file in a read-only file system that is mounted nowhere: an overlay without a layer to write to. The file is not
  /// copied, and shares its pages with all others who run it.
  private func overlaid() throws(SystemError) -> Descriptor {
    let (parent, name) = splitPath(try readLink(ProgramFile.link))
    let directory = Root(try openFile(parent, [.path, .directory]))
    // A layer is the directory without what is mounted in it: for a program that was mounted over another, that would be the other.
    let named = try directory.openWithoutSymlinks(name, mounts: false)
    guard try named.status().isSameFile(as: try file.status()) else {
      throw SystemError(call: "open", subject: name, errno: .noSuchFileOrDirectory)
    }
    let overlay = try FileSystemContext("overlay")
    // There have to be two layers. Any directory will do for the second, if it neither holds the first nor is held by it.
    try overlay.set("lowerdir", "/proc/self/fd/" + String(directory.directory.number) + ":/dev")
    let sealed = try Directory(try overlay.mount().intoDescriptor()).open(name, .path)
    // What does not look sealed would be started again, and again.
    guard try sealed.isOnReadOnlyMount() else { throw ProgramFile.isWritable }
    return sealed
  }

  /// A copy in memory that can neither be changed nor be made changeable. See memfd_create(2).
  private func copied() throws(SystemError) -> Descriptor {
    let flags: UInt32 = 0x1 | 0x2  // MFD_CLOEXEC | MFD_ALLOW_SEALING
    // MFD_EXEC: executable whatever the sysctl vm.memfd_noexec says of files that do not ask for it. Linux 6.3.
    var number = unsafe clx_memfd_create("apus", flags | 0x10)
    if number == -EINVAL { number = unsafe clx_memfd_create("apus", flags) }
    let copy = Descriptor(taking: try check("memfd_create", number))
    try file.copyRest(to: copy)
    try check("fcntl", on: "F_ADD_SEALS", clx_add_seals(copy.number, ProgramFile.allSeals))
    guard ProgramFile.hasAllSeals(copy) else { throw ProgramFile.isWritable }
    return copy
  }

  private static var isWritable: SystemError {
    SystemError(call: "execveat", subject: "the sealed program can be written to", errno: .permissionDenied)
  }

  private func execute(_ file: borrowing Descriptor) throws(SystemError) {
    try check("execveat", clx_execute_with_own_arguments(file.number))
  }
}

import CLinux

/// A proc(5) of our own, which no container can have mounted over or replaced.
///
/// Files below a `/proc` found in a root file system may be anything: a tmpfs, a symlink, a bind of another process's
/// file (CVE-2019-16884, CVE-2025-52881). Writes that matter go through a private, unattached instance instead, and
/// every file opened below it is checked to be on procfs and reached without a symlink.
public struct Procfs: ~Copyable {
  let root: Root

  /// - Parameter processesOnly: leaves everything but the process directories out (`subset=pid`, Linux 5.8).
  public init(processesOnly: Bool) throws(SystemError) {
    do {
      let context = try FileSystemContext("proc")
      if processesOnly { try context.set("subset", "pid") }
      let mount = try context.mount([.noSuid, .noExec, .noDev])
      root = Root(mount.intoDescriptor())
    } catch {
      // Without the privilege to mount (or where /proc is partly covered), the host's own, if it is the real thing.
      guard error.errno == .notPermitted || error.errno == .permissionDenied || error.errno == .invalidArgument else {
        throw error
      }
      let directory = try openFile("/proc", [.path, .directory, .noFollow])
      guard try directory.fileSystemType() == CLX_PROC_SUPER_MAGIC else {
        throw SystemError(call: "open", subject: "/proc (not a proc file system)", errno: Errno(rawValue: ENODEV))
      }
      root = Root(directory)
    }
  }

  /// Opens `path` below the instance.
  public func open(_ path: String, _ flags: OpenFlags) throws(SystemError) -> Descriptor {
    let file = try root.openWithoutSymlinks(path, flags, mounts: false)
    guard try file.fileSystemType() == CLX_PROC_SUPER_MAGIC else {
      throw SystemError(
        call: "open", subject: "/proc/" + path + " (not on a proc file system)", errno: Errno(rawValue: ENODEV))
    }
    return file
  }

  /// The directory of the calling process: its number is that of this instance's pid namespace.
  public func own() throws(SystemError) -> String { try readLink("self", in: root.directory.number) }

  /// Opens what an O_PATH descriptor of ours stands for.
  public func reopen(_ descriptor: borrowing Descriptor, _ flags: OpenFlags) throws(SystemError) -> Descriptor {
    let files = try open(own() + "/fd", [.path, .directory])
    let name = String(descriptor.number)
    let result = unsafe clx_openat(files.number, name, flags.rawValue | O_CLOEXEC, 0)
    return Descriptor(taking: try check("open", on: "/proc/self/fd/" + name, result))
  }

  /// Writes in one call, as the files of /proc want it.
  public func write(_ text: String, to path: String) throws(SystemError) {
    let file = try open(path, .writeOnly)
    do {
      try file.write(text)
    } catch {
      throw error.on("/proc/" + path)
    }
  }
}

/// Writes a file of another process in the host's /proc (proc(5)), in one call.
public func writeProcessFile(_ pid: Int32, _ name: String, _ text: String) throws(SystemError) {
  let path = "/proc/" + String(pid) + "/" + name
  let file = try openFile(path, .writeOnly)
  do {
    try file.write(text)
  } catch {
    throw error.on(path)
  }
}

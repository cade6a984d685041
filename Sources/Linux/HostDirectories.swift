import CLinux

// Directories of the host by path, one system call each: a cgroup's directory is most often only made or only removed.

/// Creates one directory of the host. See mkdir(2).
public func makeDirectory(_ path: String, mode: UInt32 = 0o755) throws(SystemError) {
  try check("mkdir", on: path, unsafe clx_mkdirat(Int32(CLX_AT_FDCWD), path, mode))
}

/// Removes an empty directory of the host. See rmdir(2).
public func removeDirectory(_ path: String) throws(SystemError) {
  try check("rmdir", on: path, unsafe clx_unlinkat(Int32(CLX_AT_FDCWD), path, Int32(CLX_AT_REMOVEDIR)))
}

/// Whether a path of the host leads somewhere. See access(2), F_OK.
public func pathExists(_ path: String) -> Bool {
  unsafe clx_faccessat(Int32(CLX_AT_FDCWD), path, F_OK, 0) == 0
}

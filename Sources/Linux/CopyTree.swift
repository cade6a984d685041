import CLinux

extension Descriptor {
  /// The same directory opened anew, with other flags: an O_PATH descriptor made readable.
  public func reopen(_ flags: OpenFlags) throws(SystemError) -> Descriptor {
    Descriptor(taking: try check("openat", unsafe clx_openat(number, ".", flags.rawValue | O_CLOEXEC, 0)))
  }

  /// Writes what is left to read into another file.
  func copyRest(to other: borrowing Descriptor) throws(SystemError) {
    while true {
      let bytes = try read(upTo: 65536)
      if bytes.isEmpty { return }
      try other.write(bytes)
    }
  }
}

extension Directory {
  /// Copies what is below this directory into another: files, directories, symlinks and special files with owner and
  /// mode. Follows no symlink; mounts below are not entered as such, their content is copied.
  public func copyContents(to other: borrowing Directory) throws(SystemError) {
    for name in try names() {
      let status = try status(of: name)
      switch status.kind {
      case FileStatus.directory:
        try other.makeDirectory(name, mode: 0o700)
        try directory(name, [.readOnly, .noFollow]).copyContents(to: try other.directory(name))
      case FileStatus.regular:
        try copyFile(name, to: other)
      case FileStatus.symlink:
        let target = try readLink(name, in: descriptor.number)
        try check("symlinkat", on: name, unsafe clx_symlinkat(target, other.descriptor.number, name))
      default:
        try check(
          "mknodat", on: name, unsafe clx_mknodat(other.descriptor.number, name, status.mode, status.special))
      }
      let owner = unsafe clx_fchownat(
        other.descriptor.number, name, status.uid, status.gid, Int32(CLX_AT_SYMLINK_NOFOLLOW))
      try check("fchownat", on: name, owner)
      if !status.isSymlink { try other.descriptor.changeMode(of: name, to: status.mode & 0o7777) }
    }
  }

  private func copyFile(_ name: String, to other: borrowing Directory) throws(SystemError) {
    // Who shares the directory may put something else there: no fifo is waited for, no device read.
    let from = try open(name, [.readOnly, .noFollow, .nonBlocking])
    guard try from.status().isRegular else { throw SystemError(call: "open", subject: name, errno: .invalidArgument) }
    let to = try other.open(name, [.writeOnly, .create, .exclusive, .noFollow], mode: 0o600)
    try from.copyRest(to: to)
  }
}

import Linux

extension Rootfs {
  /// Hides the masked paths and makes the read-only paths read-only. What does not exist needs neither; a mount below a
  /// read-only path is as it was asked for.
  func mask() throws(Failure) {
    var emptyDirectory: Int32 = -1
    var null: Int32 = -1
    defer {
      if emptyDirectory >= 0 { _ = Descriptor(taking: emptyDirectory) }
      if null >= 0 { _ = Descriptor(taking: null) }
    }
    for path in plan.readOnlyPaths {
      try step("read-only path \"" + path + "\"") { () throws(SystemError) in
        guard let target = try existing(path) else { return }
        let bound = try DetachedMount(cloning: target, recursive: true)
        try bound.set(.readOnly)
        try bound.attach(to: target)
      }
    }
    for path in plan.maskedPaths {
      try step("masked path \"" + path + "\"") { () throws(SystemError) in
        guard let target = try existing(path) else { return }
        if try target.status().isDirectory {
          try Rootfs.attach(&emptyDirectory, made: Rootfs.emptyDirectory, to: target)
        } else {
          try Rootfs.attach(&null, made: Rootfs.nullDevice, to: target)
        }
      }
    }
  }

  private func existing(_ path: String) throws(SystemError) -> Descriptor? {
    do {
      return try root.open(path)
    } catch {
      if error.errno == .noSuchFileOrDirectory || error.errno == .notDirectory { return nil }
      throw error
    }
  }

  /// The first target gets the mount itself, the others get copies: before Linux 6.15 only what is attached can be copied.
  private static func attach(
    _ first: inout Int32, made: () throws(SystemError) -> DetachedMount, to target: borrowing Descriptor
  ) throws(SystemError) {
    if first >= 0 {
      return try withBorrowed(first) { (mount) throws(SystemError) in
        try DetachedMount(cloning: mount, recursive: false).attach(to: target)
      }
    }
    let mount = try made()
    try mount.attach(to: target)
    first = mount.intoDescriptor().release()
  }

  static func emptyDirectory() throws(SystemError) -> DetachedMount {
    let context = try FileSystemContext("tmpfs")
    try context.set("source", "tmpfs")
    try context.set("nr_blocks", "1")
    try context.set("nr_inodes", "1")
    return try context.mount([.readOnly, .noSuid, .noExec, .noDev])
  }

  /// The host's /dev/null, opened once and checked to be the device: kind and number (CVE-2025-31133).
  private static func nullDevice() throws(SystemError) -> DetachedMount {
    let mount = try DetachedMount(cloning: "/dev/null", recursive: false)
    guard try mount.descriptor.status().isCharacterDevice(1, 3) else {
      throw SystemError(call: "open_tree", subject: "/dev/null (not the null device)", errno: .noSuchAddressOrDevice)
    }
    return mount
  }
}

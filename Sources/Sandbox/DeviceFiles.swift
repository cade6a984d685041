import Linux

extension Rootfs {
  /// Makes the device files, the links and the container's own additions in /dev.
  func populateDev() throws(Failure) {
    CurrentProcess.setUmask(0)
    defer { CurrentProcess.setUmask(0o022) }
    for device in plan.devices { try make(device) }
    guard plan.populatesDev else { return }
    try step("/dev") { () throws(SystemError) in
      let dev = try root.openDirectory(creating: "/dev")
      for (name, target) in Rootfs.links { try root.makeSymlink(name, in: dev, to: target) }
      // An image's own would lead past the container's terminals (config-linux.md, "Default Devices").
      try root.makeSymlink("ptmx", in: dev, to: "pts/ptmx", replaces: true)
    }
  }

  private static let links = [
    ("fd", "/proc/self/fd"), ("stdin", "/proc/self/fd/0"), ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"), ("core", "/proc/kcore"),
  ]

  /// A user namespace cannot make devices: the host's is bound in.
  private func bind(_ device: DevicePlan) throws(SystemError) {
    let bound = try DetachedMount(cloning: device.path, recursive: false)
    let status = try bound.descriptor.status()
    guard status.kind == device.mode & FileStatus.kindMask,
      status.special == deviceNumber(device.major, device.minor)
    else { throw SystemError(call: "mknodat", subject: device.path, errno: .notPermitted) }
    try bound.attach(to: try root.openFile(creating: device.path))
  }

  private func make(_ device: DevicePlan) throws(Failure) {
    try step("device \"" + device.path + "\"") { () throws(SystemError) in
      let (parentPath, name) = splitPath(device.path)
      let parent = try root.openDirectory(creating: parentPath)
      do throws(SystemError) {
        try root.makeNode(name, in: parent, mode: device.mode, device: deviceNumber(device.major, device.minor))
      } catch {
        switch error.errno {
        case .fileExists:
          // The image's own is as good, if it is the same device: kind and number (design, rule 9).
          let there = try Directory(parent.duplicate()).status(of: name)
          if there.kind == device.mode & FileStatus.kindMask,
            there.kind == FileStatus.fifo || there.special == deviceNumber(device.major, device.minor)
          {
            return
          }
          // An empty file is what an earlier container bound the device to.
          guard there.isRegular && there.size == 0 else { throw error }
          return try bind(device)
        case .notPermitted: return try bind(device)
        default: throw error
        }
      }
      if device.uid != 0 || device.gid != 0 {
        try Directory(parent.duplicate()).open(name, [.path, .noFollow]).changeOwner(uid: device.uid, gid: device.gid)
      }
    }
  }
}

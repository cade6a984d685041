import Linux

extension Rootfs {
  /// Makes the device files, the links and the container's own additions in /dev.
  func populateDev() throws(Failure) {
    CurrentProcess.setUmask(0)
    defer { CurrentProcess.setUmask(0o022) }
    // Most of them are in /dev, which is opened once for them.
    var (inDev, elsewhere): ([DevicePlan], [DevicePlan]) = ([], [])
    for device in plan.devices {
      if plan.populatesDev && splitPath(device.path).parent == "/dev" {
        inDev.append(device)
      } else {
        elsewhere.append(device)
      }
    }
    if plan.populatesDev { try populateDev(inDev) }
    for device in elsewhere {
      try step(device.step) { () throws(SystemError) in
        try make(device, in: try root.openDirectory(creating: splitPath(device.path).parent))
      }
    }
  }

  private func populateDev(_ devices: [DevicePlan]) throws(Failure) {
    let dev = try step("/dev") { () throws(SystemError) in try root.openDirectory(creating: "/dev") }
    for device in devices { try step(device.step) { () throws(SystemError) in try make(device, in: dev) } }
    try step("/dev") { () throws(SystemError) in
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

  private func make(_ device: DevicePlan, in parent: borrowing Descriptor) throws(SystemError) {
    let name = splitPath(device.path).name
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

extension DevicePlan {
  fileprivate var step: String { "device \"" + path + "\"" }
}

import Linux

/// Makes `terminal`'s other end the standard streams and the controlling terminal, and hands the master to whoever
/// relays it.
///
/// - Parameters:
///   - ptmx: the multiplexer of the container's devpts.
///   - bind: puts the terminal where the container's `/dev/console` is.
func openConsole(
  _ process: ProcessPlan, ptmx: consuming Descriptor, sendTo socket: Int32,
  bind: (borrowing Descriptor) throws(SystemError) -> Void
) throws(SystemError) {
  let terminal = try PseudoTerminal(ptmx: ptmx)
  let peer = try terminal.openPeer()
  if let rows = process.consoleRows, let columns = process.consoleColumns {
    try Terminal.setSize(peer, rows: rows, columns: columns)
  }
  // The program's user owns its terminal.
  try peer.changeOwner(uid: process.uid)
  try bind(peer)
  let channel = Socket(Descriptor(taking: socket))
  try channel.send(Array("/dev/ptmx".utf8), descriptor: terminal.master.number)
  try Terminal.makeControlling(peer)
  for number in Int32(0)...2 { try peer.install(as: number) }
}

/// Opens what an O_PATH descriptor stands for, if it is the terminal multiplexer. The opening of another device, which a hostile
/// image may have there, can do harm by itself.
func openMultiplexer(_ node: consuming Descriptor) throws(SystemError) -> Descriptor {
  guard try node.status().isCharacterDevice(5, 2) else {
    throw SystemError(call: "open", subject: "ptmx (not the terminal multiplexer)", errno: .noSuchAddressOrDevice)
  }
  // Not through the container's /proc, which need not be one.
  return try Procfs(processesOnly: true).reopen(node, [.readWrite, .noControllingTerminal])
}

extension Root {
  /// `/dev/pts/ptmx` of the container; where it has no devpts of its own, what `/dev/ptmx` leads to.
  func openMultiplexer() throws(SystemError) -> Descriptor {
    let node: Descriptor
    do {
      node = try self.open("/dev/pts/ptmx")
    } catch {
      node = try self.open("/dev/ptmx")
    }
    return try Sandbox.openMultiplexer(node)
  }
}

extension Rootfs {
  /// That of the container; nothing is mounted into a root that is not the container's alone, where it is that of its
  /// surroundings.
  func openMultiplexer() throws(SystemError) -> Descriptor {
    if plan.entry == .changeRoot { return try Sandbox.openMultiplexer(openFile("/dev/ptmx", .path)) }
    return try root.openMultiplexer()
  }

  /// Binds the terminal onto `/dev/console`. The target must be a file, not a symlink (CVE-2025-52565).
  func bindConsole(_ terminal: borrowing Descriptor) throws(SystemError) {
    if plan.entry == .changeRoot { return }
    let dev = try root.openDirectory(creating: "/dev")
    do throws(SystemError) {
      try root.makeNode("console", in: dev, mode: FileStatus.regular | 0o600, device: 0)
    } catch {
      if error.errno != .fileExists { throw error }
    }
    let target = try Directory(dev).open("console", [.path, .noFollow])
    guard try !target.status().isSymlink else {
      throw SystemError(call: "open", subject: "/dev/console (a symlink)", errno: .tooManySymbolicLinkLevels)
    }
    try DetachedMount(cloning: terminal, recursive: false).attach(to: target)
  }

  /// Standard streams that are the host's null device become the container's: a file in a mount of the host cannot be restored
  /// (criu(8)). The device was made, or looked at, with the others.
  func reopenNullDevice() throws(Failure) {
    guard plan.populatesDev, plan.entry != .changeRoot else { return }
    try step("standard streams") { () throws(SystemError) in
      var streams: [Int32] = []
      for number in Int32(0)...2 where try Rootfs.isNullDevice(number) { streams.append(number) }
      if streams.isEmpty { return }
      let null = try root.open("/dev/null", [.readWrite, .noFollow])
      guard try null.status().isCharacterDevice(1, 3) else { return }
      for number in streams { try null.install(as: number) }
    }
  }

  /// A stream may be closed.
  private static func isNullDevice(_ number: Int32) throws(SystemError) -> Bool {
    do throws(SystemError) {
      return try withBorrowed(number) { (file) throws(SystemError) in try file.status().isCharacterDevice(1, 3) }
    } catch {
      if error.errno == .badFileDescriptor { return false }
      throw error
    }
  }

  /// Makes the directory inside the root if it is missing: a working directory need not be in the image.
  func ensureDirectory(_ path: String) throws(Failure) {
    try step("process.cwd") { () throws(SystemError) in
      do throws(SystemError) {
        _ = try root.openDirectory(creating: path)
      } catch {
        // A read-only image; whether the directory is needed shows when it is entered.
        if error.errno != .readOnlyFileSystem && error.errno != .notDirectory { throw error }
      }
    }
  }
}

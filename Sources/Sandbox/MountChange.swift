import Linux

/// Mounts that come to a container that runs, or go from it.
public struct MountChange {
  /// What comes: the binds made by the parent, who alone sees their sources.
  public var added: RootfsPlan
  public var cgroups: CgroupView
  /// Where what is mounted goes.
  public var removed: [String] = []

  public init(added: RootfsPlan, cgroups: CgroupView) {
    self.added = added
    self.cgroups = cgroups
  }

  /// Changes the mount namespace the process is in: all that comes, or nothing where something cannot be mounted.
  func carryOut() throws(Failure) {
    for (done, mount) in added.mounts.enumerated() {
      do throws(Failure) {
        var plan = added
        plan.mounts = [mount]
        var rootfs = try Rootfs(entered: plan)
        try rootfs.mountAll(cgroups: cgroups) {}
        try rootfs.finish()
      } catch {
        for made in added.mounts[..<done].reversed() { try? MountChange.detach(made.destination) }
        throw error
      }
    }
    for destination in removed.reversed() { try MountChange.detach(destination) }
  }

  /// Detaches what is mounted at a path that is resolved below the root (design, section 5, rule 1).
  private static func detach(_ destination: String) throws(Failure) {
    try step(
      "mount \"" + destination + "\"", hint: { $0 == .invalidArgument ? "nothing is mounted there" : nil }
    ) { () throws(SystemError) in
      let root = Root(try openFile("/", [.path, .directory]))
      let (parent, name) = splitPath(destination)
      if name == "." || name == ".." {
        throw SystemError(call: "umount2", subject: "the root of the container", errno: .resourceBusy)
      }
      try MountNamespace.detach(name, in: try root.open(parent, [.path, .directory]))
    }
  }
}

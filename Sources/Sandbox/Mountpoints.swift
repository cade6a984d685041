import Linux

extension SandboxPlan {
  /// Makes in the root file system what the container's mounts, devices and working directory need to be there, as they would make it
  /// themselves: for mounts that somebody else makes, by path.
  ///
  /// In a mount namespace that goes with the process: binds are mounted, so that there is a place for what lies in them; other file
  /// systems are empty ones, since what is made in these is none of the root file system's.
  public func makeMountpoints() throws(Failure) {
    var plan = rootfs
    plan.mounts = plan.mounts.compactMap { $0.forMountpoints }
    try inChild(.mount) { () throws(Failure) in
      var rootfs = try Rootfs(plan)
      try rootfs.mountAll(cgroups: CgroupView(.none, inNamespace: false, isOwn: false)) {}
      try rootfs.populateDev()
      if process.terminal {
        try step("/dev/console") { () throws(SystemError) in _ = try rootfs.root.openFile(creating: "/dev/console") }
      }
      try rootfs.ensureDirectory(process.workingDirectory)
    }
  }
}

extension MountPlan {
  /// The mount as far as it makes places for others; `nil`: it makes none.
  fileprivate var forMountpoints: MountPlan? {
    switch source {
    case .bind: return self
    case .remount: return nil
    // Which are to be real directories, and where other places are the kernel's.
    case .fileSystem("proc", _), .fileSystem("sysfs", _): return self
    case .fileSystem, .cgroup:
      var scratch = self
      scratch.source = .fileSystem(type: "tmpfs", source: "tmpfs")
      scratch.set = []
      (scratch.recursiveSet, scratch.recursiveClear) = ([], [])
      scratch.propagation = []
      scratch.data = []
      scratch.copiesUp = false
      return scratch
    }
  }
}

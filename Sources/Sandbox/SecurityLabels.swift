import Linux
import OCI

extension SandboxPlan {
  /// Fails where a label was asked for and the kernel has no security module that knows it: nothing is to run with less
  /// protection than was asked for.
  public func checkSecurityModules() throws(Failure) {
    try process.checkSecurityModules()
    if rootfs.mountLabel != nil && !SecurityModules.hasSELinux {
      throw Failure("linux.mountLabel: SELinux is not on, so nothing can carry a label")
    }
    switch rootfs.mountLabelKind {
    case "context", "fscontext", "defcontext", "rootcontext": break
    default:
      throw Failure(
        "run.oci.mount_context_type: \"" + rootfs.mountLabelKind
          + "\" is none of context, fscontext, defcontext and rootcontext")
    }
  }
}

extension ProcessPlan {
  /// As ``SandboxPlan/checkSecurityModules()``, for a process alone.
  public func checkSecurityModules() throws(Failure) {
    // Without AppArmor everything is unconfined.
    if let apparmorProfile, apparmorProfile != "unconfined", !SecurityModules.hasAppArmor {
      throw Failure("process.apparmorProfile \"" + apparmorProfile + "\": AppArmor is not on")
    }
    if let selinuxLabel, !SecurityModules.hasSELinux {
      throw Failure("process.selinuxLabel \"" + selinuxLabel + "\": SELinux is not on")
    }
  }

  /// The labels that execve(2) gives the program.
  func writeLabels() throws(Failure) {
    if let profile = apparmorProfile, SecurityModules.hasAppArmor {
      try step("process.apparmorProfile \"" + profile + "\"", hint: { _ in "is the profile loaded?" }) {
        () throws(SystemError) in
        do throws(SystemError) {
          // Linux 5.8: a place of its own, for kernels with several security modules.
          try SecurityModules.write("exec " + profile, to: "apparmor/exec")
        } catch {
          if error.errno != .noSuchFileOrDirectory { throw error }
          try SecurityModules.write("exec " + profile, to: "exec")
        }
      }
    }
    if let label = selinuxLabel {
      try step("process.selinuxLabel \"" + label + "\"") { () throws(SystemError) in
        try SecurityModules.write(label, to: "exec")
      }
    }
  }

  /// A session keyring of the container's own, which its processes may use.
  func joinKeyring(_ name: String) throws(Failure) {
    if let label = selinuxLabel {
      try step("session keyring") { () throws(SystemError) in try SecurityModules.write(label, to: "keycreate") }
    }
    do {
      try ProcessAttributes.joinSessionKeyring("_ses." + name)
    } catch {
      // A kernel without keyrings, or one whose seccomp of the host forbids them, has nothing to separate.
      guard error.errno == .noFunction || error.errno == .notPermitted || error.errno == .permissionDenied else {
        throw Failure("session keyring", error, hint: "--no-new-keyring leaves it out")
      }
    }
    if selinuxLabel != nil {
      try step("session keyring") { () throws(SystemError) in try SecurityModules.write("", to: "keycreate") }
    }
  }
}

import Linux
import OCI

/// Fails where a profile was asked for and AppArmor is not on: nothing is to run with less protection than was asked for.
public func checkAppArmor(_ profile: String?) throws(Failure) {
  // Without AppArmor everything is unconfined.
  guard let profile, !profile.isEmpty, profile != "unconfined", !SecurityModules.hasAppArmor else { return }
  throw Failure("process.apparmorProfile: \"" + profile + "\": AppArmor is not on")
}

/// The same for a label of SELinux, the `property` of the configuration.
public func checkSELinux(_ label: String?, property: String) throws(Failure) {
  guard let label, !label.isEmpty, !SecurityModules.hasSELinux else { return }
  throw Failure(property + ": \"" + label + "\": SELinux is not on")
}

extension SandboxPlan {
  /// Fails where a label was asked for and the kernel has no security module that knows it.
  public mutating func checkSecurityModules() throws(Failure) {
    try process.checkSecurityModules()
    try checkSELinux(rootfs.mountLabel, property: "linux.mountLabel")
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
  public mutating func checkSecurityModules() throws(Failure) {
    try checkAppArmor(apparmorProfile)
    // Looked up here, once: where the label is written, /sys is the container's, if it has one.
    if apparmorProfile != nil && !SecurityModules.hasAppArmor { apparmorProfile = nil }
    try checkSELinux(selinuxLabel, property: "process.selinuxLabel")
  }

  /// The labels that execve(2) gives the program.
  func writeLabels() throws(Failure) {
    if let profile = apparmorProfile {
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
  public func joinKeyring(_ name: String) throws(Failure) {
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

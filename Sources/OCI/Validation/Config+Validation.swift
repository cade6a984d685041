extension Config {
  /// All that is wrong with the document beyond its form, errors and warnings, in no particular order.
  ///
  /// Looks at nothing but the document: whether files exist and the kernel can do it shows when the container is
  /// created. What engines are known to send and other runtimes accept is not an error.
  public func validate() -> [Problem] {
    var findings = Findings()
    checkVersion(&findings)
    if let root {
      if root.path.isEmpty { findings.error("root.path", "must not be empty") }
    } else {
      findings.error("root", "required, but missing", hint: "name the root file system in root.path")
    }
    process?.check("process", &findings)
    for (index, mount) in mounts.enumerated() { mount.check({ element("mounts", index) }, &findings) }
    hooks?.check(&findings)
    checkNames(&findings)
    if annotations.contains(where: { $0.key.isEmpty }) { findings.error("annotations", "must not have an empty key") }
    linux?.check(&findings)
    checkSeccompListener(&findings)
    return findings.problems
  }

  /// The specification promises compatibility within a major version, of which 1 is the only one.
  private func checkVersion(_ findings: inout Findings) {
    guard let version = SpecificationVersion(ociVersion) else {
      return findings.error(
        "ociVersion", "not a version: " + ociVersion.inQuotes, hint: "write " + specificationVersion.inQuotes)
    }
    if version.major != 1 {
      findings.error(
        "ociVersion", "version " + ociVersion + " is not supported", hint: "1.0.0 to " + specificationVersion + " are")
    }
  }

  /// Host and domain name belong to the UTS namespace: without one of its own, the container would rename the host.
  private func checkNames(_ findings: inout Findings) {
    for (name, value) in [("hostname", hostname), ("domainname", domainname)] where value != nil {
      let key = "kernel." + name
      for entry in linux?.sysctl ?? [:] where Config.Linux.sysctlPath(entry.key) == "kernel/" + name {
        findings.error(member("linux.sysctl", entry.key), key.inQuotes + " and " + name + " are the same; write one")
      }
    }
    if linux?.has(.uts) == true { return }
    let hint = "add {\"type\": \"uts\"} to linux.namespaces"
    if hostname != nil { findings.error("hostname", "needs a uts namespace", hint: hint) }
    if domainname != nil { findings.error("domainname", "needs a uts namespace", hint: hint) }
  }

  /// Notifications need somebody who receives them.
  private func checkSeccompListener(_ findings: inout Findings) {
    guard let seccomp = linux?.seccomp, seccomp.listenerPath == nil else { return }
    if seccomp.syscalls.contains(where: { $0.action == .notify }), annotations["run.oci.seccomp.receiver"] == nil {
      findings.error("linux.seccomp.listenerPath", "required, but missing: a rule has the action SCMP_ACT_NOTIFY")
    }
    if seccomp.listenerMetadata != nil {
      findings.warn("linux.seccomp.listenerMetadata", "has no effect without listenerPath")
    }
  }
}

extension Config.Mount {
  func check(_ path: () -> String, _ findings: inout Findings) {
    if destination.isEmpty {
      findings.error(path() + ".destination", "must not be empty")
    } else if !destination.isAbsolute {
      findings.warn(
        path() + ".destination", "should be absolute, found " + destination.inQuotes,
        hint: "it is taken as \"/" + destination + "\"")
    }
    if isAtRoot && !options.contains("remount") {
      findings.error(path() + ".destination", "the root file system is what root.path says, and is not mounted over")
    }
    if uidMappings.isEmpty != gidMappings.isEmpty {
      findings.error(path(), "needs both uidMappings and gidMappings, or neither")
    }
    Config.IDMapping.check(uidMappings, { path() + ".uidMappings" }, &findings)
    Config.IDMapping.check(gidMappings, { path() + ".gidMappings" }, &findings)
  }

  /// Whether the destination is `/`, in whatever way it is written.
  private var isAtRoot: Bool {
    !destination.isEmpty && destination.split(separator: "/").allSatisfy { $0 == "." || $0 == ".." }
  }
}

extension Config.IDMapping {
  /// user_namespaces(7): a range is neither empty nor does it wrap around.
  static func check(_ mappings: [Config.IDMapping], _ path: () -> String, _ findings: inout Findings) {
    for (index, mapping) in mappings.enumerated() {
      if mapping.size == 0 { findings.error(element(path(), index) + ".size", "must not be 0") }
      // The greatest id of 32 bits stands for "none".
      if max(mapping.containerID, mapping.hostID) > UInt32.max - mapping.size {
        findings.error(element(path(), index), "the range goes beyond the greatest id, 4294967294")
      }
    }
  }
}

extension Config.Hooks {
  func check(_ findings: inout Findings) {
    Self.check(prestart, "hooks.prestart", &findings)
    Self.check(createRuntime, "hooks.createRuntime", &findings)
    Self.check(createContainer, "hooks.createContainer", &findings)
    Self.check(startContainer, "hooks.startContainer", &findings)
    Self.check(poststart, "hooks.poststart", &findings)
    Self.check(poststop, "hooks.poststop", &findings)
  }

  private static func check(_ hooks: [Config.Hook], _ path: String, _ findings: inout Findings) {
    for (index, hook) in hooks.enumerated() {
      findings.absolute(hook.path, element(path, index) + ".path")
      if let timeout = hook.timeout, timeout <= 0 {
        findings.error(
          element(path, index) + ".timeout", "must be greater than 0, found " + String(timeout),
          hint: "leave it out for no limit")
      }
    }
  }
}

extension Config.Linux {
  /// Whether the container does not share the runtime's namespace of this kind.
  public func has(_ type: Config.NamespaceType) -> Bool {
    namespaces.contains { $0.type == type }
  }

  func check(_ findings: inout Findings) {
    checkNamespaces(&findings)
    checkIDMappings(&findings)
    checkTimeOffsets(&findings)
    checkSysctl(&findings)
    checkPaths(&findings)
    for (index, device) in devices.enumerated() { device.check({ element("linux.devices", index) }, &findings) }
    checkNetDevices(&findings)
    resources?.check("linux.resources", &findings)
    seccomp?.check("linux.seccomp", &findings)
    checkPlacement(&findings)
  }

  private func checkNamespaces(_ findings: inout Findings) {
    for (index, namespace) in namespaces.enumerated() {
      if namespaces[..<index].contains(where: { $0.type == namespace.type }) {
        findings.error(
          element("linux.namespaces", index), "a second namespace of type " + namespace.type.rawValue.inQuotes)
      }
      if let path = namespace.path { findings.absolute(path, element("linux.namespaces", index) + ".path") }
    }
  }

  private func checkIDMappings(_ findings: inout Findings) {
    check(uidMappings, "linux.uidMappings", &findings)
    check(gidMappings, "linux.gidMappings", &findings)
  }

  private func check(_ mappings: [Config.IDMapping], _ path: String, _ findings: inout Findings) {
    let user = namespaces.first { $0.type == .user }
    if user == nil, !mappings.isEmpty {
      findings.error(path, "needs a user namespace", hint: "add {\"type\": \"user\"} to linux.namespaces")
    } else if let user, user.path == nil, mappings.isEmpty {
      findings.warn(path, "empty: no id of the new user namespace is mapped, all files belong to nobody there")
    }
    Config.IDMapping.check(mappings, { path }, &findings)
  }

  private func checkTimeOffsets(_ findings: inout Findings) {
    guard let timeOffsets else { return }
    if !has(.time) {
      findings.error(
        "linux.timeOffsets", "needs a time namespace", hint: "add {\"type\": \"time\"} to linux.namespaces")
    }
    for (name, offset) in [("boottime", timeOffsets.boottime), ("monotonic", timeOffsets.monotonic)] {
      if let offset, offset.nanosecs > 999_999_999 {
        findings.error(
          "linux.timeOffsets." + name + ".nanosecs",
          "must be from 0 to 999999999, found " + String(offset.nanosecs))
      }
    }
  }

  /// A parameter that no namespace of the container holds would be set for the whole host.
  private func checkSysctl(_ findings: inout Findings) {
    for entry in sysctl {
      let path = { member("linux.sysctl", entry.key) }
      guard let type = Config.Linux.namespace(ofSysctl: entry.key) else {
        findings.error(path(), "is a parameter of the whole host, no namespace holds it")
        continue
      }
      if has(type) { continue }
      findings.error(
        path(), "needs a namespace of type " + type.rawValue.inQuotes,
        hint: "without one it would change the host")
    }
  }

  /// The kind of namespace that holds a kernel parameter; `nil` for those of the whole system.
  public static func namespace(ofSysctl key: String) -> Config.NamespaceType? {
    let path = sysctlPath(key)
    if path.hasPrefix("net/") { return .network }
    if path.hasPrefix("fs/mqueue/") { return .ipc }
    if path.hasPrefix("user/") { return .user }
    switch path {
    case "kernel/domainname", "kernel/hostname": return .uts
    case "kernel/auto_msgmni", "kernel/msg_next_id", "kernel/msgmax", "kernel/msgmnb", "kernel/msgmni", "kernel/sem",
      "kernel/sem_next_id", "kernel/shm_next_id", "kernel/shm_rmid_forced", "kernel/shmall", "kernel/shmmax",
      "kernel/shmmni":
      return .ipc
    default: return nil
    }
  }

  /// Where a kernel parameter is below /proc/sys. The first separator says which one separates; the other kind stands for
  /// a dot in a name: `net.ipv4.conf.eth0/1.forwarding` and `net/ipv4/conf/eth0.1/forwarding` are the same (sysctl(8)).
  public static func sysctlPath(_ key: String) -> String {
    let dot = UInt8(ascii: ".")
    let slash = UInt8(ascii: "/")
    guard key.utf8.first(where: { $0 == dot || $0 == slash }) == dot else { return key }
    return String(decoding: key.utf8.map { $0 == dot ? slash : $0 == slash ? dot : $0 }, as: UTF8.self)
  }

  private func checkPaths(_ findings: inout Findings) {
    check(maskedPaths, "linux.maskedPaths", &findings)
    check(readonlyPaths, "linux.readonlyPaths", &findings)
  }

  private func check(_ paths: [String], _ path: String, _ findings: inout Findings) {
    for (index, name) in paths.enumerated() { findings.absolute(name, element(path, index)) }
  }

  /// config-linux.md, "Network Devices".
  private func checkNetDevices(_ findings: inout Findings) {
    if !netDevices.isEmpty, !has(.network) {
      findings.error(
        "linux.netDevices", "needs a network namespace", hint: "add {\"type\": \"network\"} to linux.namespaces")
    }
    for device in netDevices {
      let path = { member("linux.netDevices", device.key) }
      if !Config.NetDevice.isName(device.key) {
        findings.error(path(), "not a name of a network device: " + device.key.inQuotes)
      }
      if let name = device.value.name, !Config.NetDevice.isName(name) {
        findings.error(path() + ".name", "not a name of a network device: " + name.inQuotes)
      }
    }
  }

  private func checkPlacement(_ findings: inout Findings) {
    if let memoryPolicy {
      if memoryPolicy.mode == nil { findings.error("linux.memoryPolicy.mode", "required, but missing") }
      if let nodes = memoryPolicy.nodes, !nodes.isNumberList {
        findings.error(
          "linux.memoryPolicy.nodes", "not a list of nodes: " + nodes.inQuotes, hint: "write for example \"0-3,7\"")
      }
    }
    intelRdt?.check("linux.intelRdt", &findings)
  }
}

extension Config.Device {
  func check(_ path: () -> String, _ findings: inout Findings) {
    findings.absolute(self.path, path() + ".path")
    if type == .fifo { return }
    for (name, number) in [("major", major), ("minor", minor)] {
      if let number {
        // makedev(3): the kernel has 12 bits for the major number and 20 for the minor.
        let greatest: Int64 = name == "major" ? 0xFFF : 0xF_FFFF
        if !(0...greatest).contains(number) {
          findings.error(
            path() + "." + name, "must be from 0 to " + String(greatest) + ", found " + String(number))
        }
      } else {
        findings.error(path() + "." + name, "required, but missing: the type is " + type.rawValue.inQuotes)
      }
    }
  }
}

extension Config.NetDevice {
  /// What the kernel takes as a device's name (dev_valid_name in net/core/dev.c).
  static func isName(_ name: String) -> Bool {
    if name.isEmpty || name == "." || name == ".." || name.utf8.count > 15 { return false }
    return name.utf8.allSatisfy { $0 > 0x20 && $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: ":") }
  }
}

extension Config.IntelRdt {
  func check(_ path: String, _ findings: inout Findings) {
    // "/" is the group that everything is in by default.
    if let closID, closID != "/",
      closID == "." || closID == ".." || closID.utf8.contains(where: { $0 == 0x2F || $0 == 0x0A })
    {
      findings.error(path + ".closID", "not a name of a directory: " + closID.inQuotes)
    }
    if let memBwSchema, !memBwSchema.hasPrefix("MB:") || memBwSchema.utf8.contains(0x0A) {
      findings.error(
        path + ".memBwSchema", "must be one line that starts with \"MB:\", found " + memBwSchema.inQuotes)
    }
  }
}

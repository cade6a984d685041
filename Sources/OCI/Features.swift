import JSON

/// What a runtime supports (features.md): what `features` prints. Support by the running kernel is another question.
public struct Features: Equatable, Sendable, JSON.Writable {
  /// The oldest version of the specification it accepts.
  public var ociVersionMin: String
  /// The newest.
  public var ociVersionMax: String
  /// Names of hooks.
  public var hooks: [String]
  /// Mount options it handles itself.
  public var mountOptions: [String]
  /// What only Linux has.
  public var linux: Linux?
  /// Implementation-specific properties.
  public var annotations: StringMap
  /// Annotations (or, ending in `.`, prefixes) that change how the runtime works.
  public var potentiallyUnsafeConfigAnnotations: [String]

  public init(
    ociVersionMin: String, ociVersionMax: String, hooks: [String] = [], mountOptions: [String] = [],
    linux: Linux? = nil, annotations: StringMap = [:], potentiallyUnsafeConfigAnnotations: [String] = []
  ) {
    self.ociVersionMin = ociVersionMin
    self.ociVersionMax = ociVersionMax
    self.hooks = hooks
    self.mountOptions = mountOptions
    self.linux = linux
    self.annotations = annotations
    self.potentiallyUnsafeConfigAnnotations = potentiallyUnsafeConfigAnnotations
  }

  public init(_ json: JSON.Object) throws(JSON.Error) {
    ociVersionMin = try json.string("ociVersionMin")
    ociVersionMax = try json.string("ociVersionMax")
    hooks = try json.strings("hooks")
    mountOptions = try json.strings("mountOptions")
    linux = try json.optionalObject("linux", Linux.init)
    annotations = try json.stringMap("annotations")
    potentiallyUnsafeConfigAnnotations = try json.strings("potentiallyUnsafeConfigAnnotations")
  }

  public func encode(to writer: inout JSON.Writer) {
    writer.object { json in
      json.member("ociVersionMin", ociVersionMin)
      json.member("ociVersionMax", ociVersionMax)
      json.member("hooks", hooks)
      json.member("mountOptions", mountOptions)
      json.member("linux", linux)
      json.member("annotations", annotations)
      json.member("potentiallyUnsafeConfigAnnotations", potentiallyUnsafeConfigAnnotations)
    }
  }
}

extension Features {
  /// Features of Linux (features-linux.md).
  public struct Linux: Equatable, Sendable, JSON.Writable {
    /// Kinds of namespaces.
    public var namespaces: [Config.NamespaceType]
    /// Capability names.
    public var capabilities: [String]
    /// Kinds of cgroups.
    public var cgroup: Cgroup?
    /// System call filters.
    public var seccomp: Seccomp?
    /// AppArmor.
    public var apparmor: Support?
    /// SELinux.
    public var selinux: Support?
    /// Intel's resource director technology.
    public var intelRdt: IntelRdt?
    /// NUMA memory policies.
    public var memoryPolicy: MemoryPolicy?
    /// Extensions of mounts.
    public var mountExtensions: MountExtensions?
    /// Moving network devices.
    public var netDevices: Support?

    public init(
      namespaces: [Config.NamespaceType] = [], capabilities: [String] = [], cgroup: Cgroup? = nil,
      seccomp: Seccomp? = nil, apparmor: Support? = nil, selinux: Support? = nil, intelRdt: IntelRdt? = nil,
      memoryPolicy: MemoryPolicy? = nil, mountExtensions: MountExtensions? = nil, netDevices: Support? = nil
    ) {
      self.namespaces = namespaces
      self.capabilities = capabilities
      self.cgroup = cgroup
      self.seccomp = seccomp
      self.apparmor = apparmor
      self.selinux = selinux
      self.intelRdt = intelRdt
      self.memoryPolicy = memoryPolicy
      self.mountExtensions = mountExtensions
      self.netDevices = netDevices
    }

    public init(_ json: JSON.Object) throws(JSON.Error) {
      namespaces = try json.choices("namespaces")
      capabilities = try json.strings("capabilities")
      cgroup = try json.optionalObject("cgroup", Cgroup.init)
      seccomp = try json.optionalObject("seccomp", Seccomp.init)
      apparmor = try json.optionalObject("apparmor", Support.init)
      selinux = try json.optionalObject("selinux", Support.init)
      intelRdt = try json.optionalObject("intelRdt", IntelRdt.init)
      memoryPolicy = try json.optionalObject("memoryPolicy", MemoryPolicy.init)
      mountExtensions = try json.optionalObject("mountExtensions", MountExtensions.init)
      netDevices = try json.optionalObject("netDevices", Support.init)
    }

    public func encode(to writer: inout JSON.Writer) {
      writer.object { json in
        json.member("namespaces", namespaces)
        json.member("capabilities", capabilities)
        json.member("cgroup", cgroup)
        json.member("seccomp", seccomp)
        json.member("apparmor", apparmor)
        json.member("selinux", selinux)
        json.member("intelRdt", intelRdt)
        json.member("memoryPolicy", memoryPolicy)
        json.member("mountExtensions", mountExtensions)
        json.member("netDevices", netDevices)
      }
    }
  }
}

extension Features.Linux {
  /// Whether something is supported.
  public struct Support: Equatable, Sendable, JSON.Writable {
    /// Absent: unknown.
    public var enabled: Bool?

    public init(enabled: Bool? = nil) {
      self.enabled = enabled
    }

    public init(_ json: JSON.Object) throws(JSON.Error) {
      enabled = try json.optionalBool("enabled")
    }

    public func encode(to writer: inout JSON.Writer) {
      writer.object { json in
        json.member("enabled", enabled)
      }
    }
  }

  /// Kinds of cgroups.
  public struct Cgroup: Equatable, Sendable, JSON.Writable {
    /// cgroup v1.
    public var v1: Bool?
    /// cgroup v2.
    public var v2: Bool?
    /// By asking systemd.
    public var systemd: Bool?
    /// By asking the user's systemd.
    public var systemdUser: Bool?
    /// The RDMA controller.
    public var rdma: Bool?

    public init(v1: Bool? = nil, v2: Bool? = nil, systemd: Bool? = nil, systemdUser: Bool? = nil, rdma: Bool? = nil) {
      self.v1 = v1
      self.v2 = v2
      self.systemd = systemd
      self.systemdUser = systemdUser
      self.rdma = rdma
    }

    public init(_ json: JSON.Object) throws(JSON.Error) {
      v1 = try json.optionalBool("v1")
      v2 = try json.optionalBool("v2")
      systemd = try json.optionalBool("systemd")
      systemdUser = try json.optionalBool("systemdUser")
      rdma = try json.optionalBool("rdma")
    }

    public func encode(to writer: inout JSON.Writer) {
      writer.object { json in
        json.member("v1", v1)
        json.member("v2", v2)
        json.member("systemd", systemd)
        json.member("systemdUser", systemdUser)
        json.member("rdma", rdma)
      }
    }
  }

  /// System call filters.
  public struct Seccomp: Equatable, Sendable, JSON.Writable {
    /// Whether there are any.
    public var enabled: Bool?
    /// Actions.
    public var actions: [Config.Seccomp.Action]
    /// Operators.
    public var operators: [Config.Seccomp.Operator]
    /// Architectures.
    public var archs: [Config.Seccomp.Architecture]
    /// Flags the runtime knows.
    public var knownFlags: [Config.Seccomp.Flag]
    /// Flags that also work here.
    public var supportedFlags: [Config.Seccomp.Flag]

    public init(
      enabled: Bool? = nil, actions: [Config.Seccomp.Action] = [], operators: [Config.Seccomp.Operator] = [],
      archs: [Config.Seccomp.Architecture] = [], knownFlags: [Config.Seccomp.Flag] = [],
      supportedFlags: [Config.Seccomp.Flag] = []
    ) {
      self.enabled = enabled
      self.actions = actions
      self.operators = operators
      self.archs = archs
      self.knownFlags = knownFlags
      self.supportedFlags = supportedFlags
    }

    public init(_ json: JSON.Object) throws(JSON.Error) {
      enabled = try json.optionalBool("enabled")
      actions = try json.choices("actions")
      operators = try json.choices("operators")
      archs = try json.choices("archs")
      knownFlags = try json.choices("knownFlags")
      supportedFlags = try json.choices("supportedFlags")
    }

    public func encode(to writer: inout JSON.Writer) {
      writer.object { json in
        json.member("enabled", enabled)
        json.member("actions", actions)
        json.member("operators", operators)
        json.member("archs", archs)
        json.member("knownFlags", knownFlags)
        json.member("supportedFlags", supportedFlags)
      }
    }
  }

  /// Intel's resource director technology.
  public struct IntelRdt: Equatable, Sendable, JSON.Writable {
    /// Whether it is supported at all.
    public var enabled: Bool?
    /// Whether `schemata` is.
    public var schemata: Bool?
    /// Whether `enableMonitoring` is.
    public var monitoring: Bool?

    public init(enabled: Bool? = nil, schemata: Bool? = nil, monitoring: Bool? = nil) {
      self.enabled = enabled
      self.schemata = schemata
      self.monitoring = monitoring
    }

    public init(_ json: JSON.Object) throws(JSON.Error) {
      enabled = try json.optionalBool("enabled")
      schemata = try json.optionalBool("schemata")
      monitoring = try json.optionalBool("monitoring")
    }

    public func encode(to writer: inout JSON.Writer) {
      writer.object { json in
        json.member("enabled", enabled)
        json.member("schemata", schemata)
        json.member("monitoring", monitoring)
      }
    }
  }

  /// NUMA memory policies.
  public struct MemoryPolicy: Equatable, Sendable, JSON.Writable {
    /// Modes.
    public var modes: [Config.MemoryPolicy.Mode]
    /// Modifiers.
    public var flags: [Config.MemoryPolicy.Flag]

    public init(modes: [Config.MemoryPolicy.Mode] = [], flags: [Config.MemoryPolicy.Flag] = []) {
      self.modes = modes
      self.flags = flags
    }

    public init(_ json: JSON.Object) throws(JSON.Error) {
      modes = try json.choices("modes")
      flags = try json.choices("flags")
    }

    public func encode(to writer: inout JSON.Writer) {
      writer.object { json in
        json.member("modes", modes)
        json.member("flags", flags)
      }
    }
  }

  /// Extensions of mounts.
  public struct MountExtensions: Equatable, Sendable, JSON.Writable {
    /// Id-mapped mounts (`uidMappings`, `gidMappings`).
    public var idmap: Support?

    public init(idmap: Support? = nil) {
      self.idmap = idmap
    }

    public init(_ json: JSON.Object) throws(JSON.Error) {
      idmap = try json.optionalObject("idmap", Support.init)
    }

    public func encode(to writer: inout JSON.Writer) {
      writer.object { json in
        json.member("idmap", idmap)
      }
    }
  }
}

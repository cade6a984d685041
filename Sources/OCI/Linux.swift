import JSON

extension Config {
  /// What only Linux has (config-linux.md).
  public struct Linux: Equatable, Sendable, JSON.Writable {
    /// The namespaces that are not the runtime's own.
    public var namespaces: [Namespace]
    /// User ids of the new user namespace.
    public var uidMappings: [IDMapping]
    /// Group ids of the new user namespace.
    public var gidMappings: [IDMapping]
    /// Clock offsets of the new time namespace.
    public var timeOffsets: TimeOffsets?
    /// Device nodes that must exist in the container, beside the default ones.
    public var devices: [Device]
    /// Network devices of the host, by name, to move into the container.
    public var netDevices: OrderedMap<NetDevice>
    /// The cgroup, absolute below the mount point or relative to the runtime's choice.
    public var cgroupsPath: String?
    /// Limits of the cgroup.
    public var resources: Resources?
    /// Kernel parameters to set in the container.
    public var sysctl: StringMap
    /// The system call filter.
    public var seccomp: Seccomp?
    /// The propagation of the root mount.
    public var rootfsPropagation: RootfsPropagation?
    /// Paths that are made unreadable, absolute.
    public var maskedPaths: [String]
    /// Paths that are made read-only, absolute.
    public var readonlyPaths: [String]
    /// The SELinux label of mounts.
    public var mountLabel: String?
    /// The execution domain.
    public var personality: Personality?
    /// Intel's resource director technology.
    public var intelRdt: IntelRdt?
    /// The NUMA memory policy.
    public var memoryPolicy: MemoryPolicy?

    public init(
      namespaces: [Namespace] = [], uidMappings: [IDMapping] = [], gidMappings: [IDMapping] = [],
      timeOffsets: TimeOffsets? = nil, devices: [Device] = [], netDevices: OrderedMap<NetDevice> = [:],
      cgroupsPath: String? = nil, resources: Resources? = nil, sysctl: StringMap = [:], seccomp: Seccomp? = nil,
      rootfsPropagation: RootfsPropagation? = nil, maskedPaths: [String] = [], readonlyPaths: [String] = [],
      mountLabel: String? = nil, personality: Personality? = nil, intelRdt: IntelRdt? = nil,
      memoryPolicy: MemoryPolicy? = nil
    ) {
      self.namespaces = namespaces
      self.uidMappings = uidMappings
      self.gidMappings = gidMappings
      self.timeOffsets = timeOffsets
      self.devices = devices
      self.netDevices = netDevices
      self.cgroupsPath = cgroupsPath
      self.resources = resources
      self.sysctl = sysctl
      self.seccomp = seccomp
      self.rootfsPropagation = rootfsPropagation
      self.maskedPaths = maskedPaths
      self.readonlyPaths = readonlyPaths
      self.mountLabel = mountLabel
      self.personality = personality
      self.intelRdt = intelRdt
      self.memoryPolicy = memoryPolicy
    }

    public init(_ json: JSON.Object) throws(JSON.Error) {
      namespaces = try json.objects("namespaces", Namespace.init)
      uidMappings = try json.objects("uidMappings", IDMapping.init)
      gidMappings = try json.objects("gidMappings", IDMapping.init)
      timeOffsets = try json.optionalObject("timeOffsets", TimeOffsets.init)
      devices = try json.objects("devices", Device.init)
      netDevices = try json.map("netDevices", NetDevice.init)
      cgroupsPath = try json.nonEmptyString("cgroupsPath")
      resources = try json.optionalObject("resources", Resources.init)
      sysctl = try json.stringMap("sysctl")
      seccomp = try json.optionalObject("seccomp", Seccomp.init)
      rootfsPropagation = try json.optionalChoice("rootfsPropagation")
      maskedPaths = try json.strings("maskedPaths")
      readonlyPaths = try json.strings("readonlyPaths")
      mountLabel = try json.nonEmptyString("mountLabel")
      personality = try json.optionalObject("personality", Personality.init)
      intelRdt = try json.optionalObject("intelRdt", IntelRdt.init)
      memoryPolicy = try json.optionalObject("memoryPolicy", MemoryPolicy.init)
    }

    public func encode(to writer: inout JSON.Writer) {
      writer.object { json in
        json.member("namespaces", namespaces)
        json.member("uidMappings", uidMappings)
        json.member("gidMappings", gidMappings)
        json.member("timeOffsets", timeOffsets)
        json.member("devices", devices)
        json.member("netDevices", netDevices)
        json.member("cgroupsPath", cgroupsPath)
        json.member("resources", resources)
        json.member("sysctl", sysctl)
        json.member("seccomp", seccomp)
        json.member("rootfsPropagation", rootfsPropagation)
        json.member("maskedPaths", maskedPaths)
        json.member("readonlyPaths", readonlyPaths)
        json.member("mountLabel", mountLabel)
        json.member("personality", personality)
        json.member("intelRdt", intelRdt)
        json.member("memoryPolicy", memoryPolicy)
      }
    }
  }
}

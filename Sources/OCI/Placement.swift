import JSON

extension Config {
  /// The execution domain (config-linux.md, "Personality"), see personality(2).
  public struct Personality: Equatable, Sendable, JSON.Writable {
    /// The domain.
    public var domain: Domain
    /// Additional flags; the specification defines none yet.
    public var flags: [String]

    public init(domain: Domain, flags: [String] = []) {
      self.domain = domain
      self.flags = flags
    }

    public init(_ json: JSON.Object) throws(JSON.Error) {
      domain = try json.choice("domain")
      flags = try json.strings("flags")
    }

    public func encode(to writer: inout JSON.Writer) {
      writer.object { json in
        json.member("domain", domain)
        json.member("flags", flags)
      }
    }

    /// The execution domains.
    public enum Domain: String, CaseIterable, Sendable {
      case linux = "LINUX"
      case linux32 = "LINUX32"
    }
  }

  /// Cache and memory bandwidth allocation (config-linux.md, "IntelRdt").
  public struct IntelRdt: Equatable, Sendable, JSON.Writable {
    /// The class of service: the name of a resctrl group.
    public var closID: String?
    /// Lines for the group's `schemata` file.
    public var schemata: [String]
    /// The line for level 3 cache.
    public var l3CacheSchema: String?
    /// The line for memory bandwidth, `MB:…`.
    public var memBwSchema: String?
    /// Whether the container gets a monitoring group of its own.
    public var enableMonitoring: Bool

    public init(
      closID: String? = nil, schemata: [String] = [], l3CacheSchema: String? = nil, memBwSchema: String? = nil,
      enableMonitoring: Bool = false
    ) {
      self.closID = closID
      self.schemata = schemata
      self.l3CacheSchema = l3CacheSchema
      self.memBwSchema = memBwSchema
      self.enableMonitoring = enableMonitoring
    }

    public init(_ json: JSON.Object) throws(JSON.Error) {
      closID = try json.nonEmptyString("closID")
      schemata = try json.strings("schemata")
      l3CacheSchema = try json.nonEmptyString("l3CacheSchema")
      memBwSchema = try json.nonEmptyString("memBwSchema")
      enableMonitoring = try json.optionalBool("enableMonitoring") ?? false
    }

    public func encode(to writer: inout JSON.Writer) {
      writer.object { json in
        json.member("closID", closID)
        json.member("schemata", schemata)
        json.member("l3CacheSchema", l3CacheSchema)
        json.member("memBwSchema", memBwSchema)
        if enableMonitoring { json.member("enableMonitoring", true) }
      }
    }
  }

  /// The NUMA memory policy (config-linux.md, "Memory Policy"), see set_mempolicy(2).
  public struct MemoryPolicy: Equatable, Sendable, JSON.Writable {
    /// The mode.
    public var mode: Mode?
    /// The nodes, written `0-3,7`.
    public var nodes: String?
    /// Modifiers of the mode.
    public var flags: [Flag]

    public init(mode: Mode? = nil, nodes: String? = nil, flags: [Flag] = []) {
      self.mode = mode
      self.nodes = nodes
      self.flags = flags
    }

    public init(_ json: JSON.Object) throws(JSON.Error) {
      mode = try json.optionalChoice("mode")
      nodes = try json.nonEmptyString("nodes")
      flags = try json.choices("flags")
    }

    public func encode(to writer: inout JSON.Writer) {
      writer.object { json in
        json.member("mode", mode)
        json.member("nodes", nodes)
        json.member("flags", flags)
      }
    }

    /// The modes.
    public enum Mode: String, CaseIterable, Sendable {
      case systemDefault = "MPOL_DEFAULT"
      case bind = "MPOL_BIND"
      case interleave = "MPOL_INTERLEAVE"
      case weightedInterleave = "MPOL_WEIGHTED_INTERLEAVE"
      case preferred = "MPOL_PREFERRED"
      case preferredMany = "MPOL_PREFERRED_MANY"
      case local = "MPOL_LOCAL"
    }

    /// Modifiers of the mode.
    public enum Flag: String, CaseIterable, Sendable {
      case numaBalancing = "MPOL_F_NUMA_BALANCING"
      case relativeNodes = "MPOL_F_RELATIVE_NODES"
      case staticNodes = "MPOL_F_STATIC_NODES"
    }
  }
}

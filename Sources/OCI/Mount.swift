import JSON

extension Config {
  /// One entry of `mounts` (config.md, "Mounts").
  public struct Mount: Equatable, Sendable, JSON.Writable {
    /// Where in the container. Absolute; old documents have relative ones, which start at `/`.
    public var destination: String
    /// The file system type as in `/proc/filesystems`; `bind` or absent for bind mounts.
    public var type: String?
    /// A device, a directory relative to the bundle, or a dummy.
    public var source: String?
    /// Options as in mount(8) and those of the specification.
    public var options: [String]
    /// User ids of an id-mapped mount; empty: not mapped this way.
    public var uidMappings: [IDMapping]
    /// Group ids of an id-mapped mount.
    public var gidMappings: [IDMapping]

    public init(
      destination: String, type: String? = nil, source: String? = nil, options: [String] = [],
      uidMappings: [IDMapping] = [], gidMappings: [IDMapping] = []
    ) {
      self.destination = destination
      self.type = type
      self.source = source
      self.options = options
      self.uidMappings = uidMappings
      self.gidMappings = gidMappings
    }

    public init(_ json: JSON.Object) throws(JSON.Error) {
      destination = try json.string("destination")
      type = try json.nonEmptyString("type")
      source = try json.nonEmptyString("source")
      options = try json.strings("options")
      uidMappings = try json.objects("uidMappings", IDMapping.init)
      gidMappings = try json.objects("gidMappings", IDMapping.init)
    }

    public func encode(to writer: inout JSON.Writer) {
      writer.object { json in
        json.member("destination", destination)
        json.member("type", type)
        json.member("source", source)
        json.member("options", options)
        json.member("uidMappings", uidMappings)
        json.member("gidMappings", gidMappings)
      }
    }
  }

  /// A range of ids as in user_namespaces(7).
  public struct IDMapping: Equatable, Sendable, JSON.Writable {
    /// The first id inside.
    public var containerID: UInt32
    /// The first id outside.
    public var hostID: UInt32
    /// How many ids.
    public var size: UInt32

    public init(containerID: UInt32, hostID: UInt32, size: UInt32) {
      self.containerID = containerID
      self.hostID = hostID
      self.size = size
    }

    public init(_ json: JSON.Object) throws(JSON.Error) {
      containerID = try json.integer("containerID")
      hostID = try json.integer("hostID")
      size = try json.integer("size")
    }

    public func encode(to writer: inout JSON.Writer) {
      writer.object { json in
        json.member("containerID", containerID)
        json.member("hostID", hostID)
        json.member("size", size)
      }
    }
  }
}

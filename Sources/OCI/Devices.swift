import JSON

extension Config {
  /// A device node (config-linux.md, "Devices").
  public struct Device: Equatable, Sendable, JSON.Writable {
    /// The kind of node.
    public var type: DeviceType
    /// Where in the container, absolute.
    public var path: String
    /// The major number; required unless the type is `p`.
    public var major: Int64?
    /// The minor number; required unless the type is `p`.
    public var minor: Int64?
    /// Permission bits; file type bits, which some engines send along, do not count.
    public var fileMode: UInt32?
    /// The owner inside the container.
    public var uid: UInt32?
    /// The group inside the container.
    public var gid: UInt32?

    public init(
      type: DeviceType, path: String, major: Int64? = nil, minor: Int64? = nil, fileMode: UInt32? = nil,
      uid: UInt32? = nil, gid: UInt32? = nil
    ) {
      self.type = type
      self.path = path
      self.major = major
      self.minor = minor
      self.fileMode = fileMode
      self.uid = uid
      self.gid = gid
    }

    public init(_ json: JSON.Object) throws(JSON.Error) {
      type = try json.choice("type")
      path = try json.string("path")
      major = try json.optionalInteger("major")
      minor = try json.optionalInteger("minor")
      fileMode = try json.optionalInteger("fileMode")
      uid = try json.optionalInteger("uid")
      gid = try json.optionalInteger("gid")
    }

    public func encode(to writer: inout JSON.Writer) {
      writer.object { json in
        json.member("type", type)
        json.member("path", path)
        json.member("major", major)
        json.member("minor", minor)
        json.member("fileMode", fileMode)
        json.member("uid", uid)
        json.member("gid", gid)
      }
    }
  }

  /// The kinds of device nodes, see mknod(1).
  public enum DeviceType: String, CaseIterable, Sendable {
    case block = "b"
    case character = "c"
    case unbuffered = "u"
    case fifo = "p"
  }

  /// A network device that moves into the container (config-linux.md, "Network Devices").
  public struct NetDevice: Equatable, Sendable, JSON.Writable {
    /// The name inside. Absent: the name stays.
    public var name: String?

    public init(name: String? = nil) {
      self.name = name
    }

    public init(_ json: JSON.Object) throws(JSON.Error) {
      name = try json.nonEmptyString("name")
    }

    public func encode(to writer: inout JSON.Writer) {
      writer.object { json in
        json.member("name", name)
      }
    }
  }
}

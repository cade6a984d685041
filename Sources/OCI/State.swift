import JSON

/// What `state` prints and hooks read on their standard input (runtime.md, "State"), with the fields that engines
/// expect beside the specification's.
public struct State: Equatable, Sendable, JSON.Writable {
  /// The version of the specification the document follows.
  public var ociVersion: String
  /// The container's id.
  public var id: String
  /// The container's process as the runtime sees it; 0 when it has stopped.
  public var pid: Int32?
  /// Where in its life the container is.
  public var status: Status
  /// The bundle's directory, absolute.
  public var bundle: String
  /// The root file system's directory, absolute. Not in the specification.
  public var rootfs: String?
  /// When it was created, RFC 3339. Not in the specification.
  public var created: String?
  /// The name of the user who created it. Not in the specification.
  public var owner: String?
  /// The annotations of the configuration.
  public var annotations: StringMap

  public init(
    ociVersion: String, id: String, pid: Int32? = nil, status: Status, bundle: String, rootfs: String? = nil,
    created: String? = nil, owner: String? = nil, annotations: StringMap = [:]
  ) {
    self.ociVersion = ociVersion
    self.id = id
    self.pid = pid
    self.status = status
    self.bundle = bundle
    self.rootfs = rootfs
    self.created = created
    self.owner = owner
    self.annotations = annotations
  }

  public init(_ json: JSON.Object) throws(JSON.Error) {
    ociVersion = try json.string("ociVersion")
    id = try json.string("id")
    pid = try json.optionalInteger("pid")
    status = try json.choice("status")
    bundle = try json.string("bundle")
    rootfs = try json.nonEmptyString("rootfs")
    created = try json.nonEmptyString("created")
    owner = try json.nonEmptyString("owner")
    annotations = try json.stringMap("annotations")
  }

  public func encode(to writer: inout JSON.Writer) {
    writer.object { json in
      json.member("ociVersion", ociVersion)
      json.member("id", id)
      json.member("pid", pid)
      json.member("status", status)
      json.member("bundle", bundle)
      json.member("rootfs", rootfs)
      json.member("created", created)
      json.member("owner", owner)
      json.member("annotations", annotations)
    }
  }
}

extension State {
  /// Where in its life a container is. `paused` is not in the specification.
  public enum Status: String, CaseIterable, Sendable {
    case creating
    case created
    case running
    case stopped
    case paused
  }
}

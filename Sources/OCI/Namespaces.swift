import JSON

extension Config {
  /// A namespace the container gets or joins (config-linux.md, "Namespaces").
  public struct Namespace: Equatable, Sendable, JSON.Writable {
    /// The kind.
    public var type: NamespaceType
    /// The namespace file to join. Absent: a new one is created.
    public var path: String?

    public init(type: NamespaceType, path: String? = nil) {
      self.type = type
      self.path = path
    }

    public init(_ json: JSON.Object) throws(JSON.Error) {
      type = try json.choice("type")
      path = try json.nonEmptyString("path")
    }

    public func encode(to writer: inout JSON.Writer) {
      writer.object { json in
        json.member("type", type)
        json.member("path", path)
      }
    }
  }

  /// The kinds of namespaces, see namespaces(7).
  public enum NamespaceType: String, CaseIterable, Sendable {
    case mount
    case pid
    case network
    case uts
    case ipc
    case user
    case cgroup
    case time
  }

  /// Offsets of the clocks in a new time namespace, see time_namespaces(7).
  public struct TimeOffsets: Equatable, Sendable, JSON.Writable {
    /// Of `CLOCK_BOOTTIME`.
    public var boottime: Offset?
    /// Of `CLOCK_MONOTONIC`.
    public var monotonic: Offset?

    public init(boottime: Offset? = nil, monotonic: Offset? = nil) {
      self.boottime = boottime
      self.monotonic = monotonic
    }

    public init(_ json: JSON.Object) throws(JSON.Error) {
      boottime = try json.optionalObject("boottime", Offset.init)
      monotonic = try json.optionalObject("monotonic", Offset.init)
    }

    public func encode(to writer: inout JSON.Writer) {
      writer.object { json in
        json.member("boottime", boottime)
        json.member("monotonic", monotonic)
      }
    }

    /// Seconds and nanoseconds, added to the clock.
    public struct Offset: Equatable, Sendable, JSON.Writable {
      /// Whole seconds, either sign.
      public var secs: Int64
      /// Nanoseconds, always forward.
      public var nanosecs: UInt32

      public init(secs: Int64 = 0, nanosecs: UInt32 = 0) {
        self.secs = secs
        self.nanosecs = nanosecs
      }

      public init(_ json: JSON.Object) throws(JSON.Error) {
        secs = try json.optionalInteger("secs") ?? 0
        nanosecs = try json.optionalInteger("nanosecs") ?? 0
      }

      public func encode(to writer: inout JSON.Writer) {
        writer.object { json in
          json.member("secs", secs)
          json.member("nanosecs", nanosecs)
        }
      }
    }
  }

  /// How mounts spread from and to the root mount, see mount_namespaces(7). The variants with `r` are an extension
  /// that engines send.
  public enum RootfsPropagation: String, CaseIterable, Sendable {
    case `private`
    case shared
    case slave
    case unbindable
    case rprivate
    case rshared
    case rslave
    case runbindable
  }
}

import JSON

/// What goes with a descriptor that is handed to a listener (config-linux.md, "The Container Process State").
public struct ContainerProcessState: Equatable, Sendable, JSON.Writable {
  /// The version of the specification the document follows.
  public var ociVersion: String
  /// What the descriptors sent along are, in their order.
  public var fds: [String]
  /// The process that is spoken of, as the runtime sees it.
  public var pid: Int32
  /// Opaque text of the configuration.
  public var metadata: String?
  /// The container.
  public var state: State

  /// The descriptor on which the kernel asks about system calls (seccomp_unotify(2)).
  public static let seccompFD = "seccompFd"

  public init(ociVersion: String, fds: [String], pid: Int32, metadata: String? = nil, state: State) {
    self.ociVersion = ociVersion
    self.fds = fds
    self.pid = pid
    self.metadata = metadata
    self.state = state
  }

  public func encode(to writer: inout JSON.Writer) {
    writer.object { json in
      json.member("ociVersion", ociVersion)
      json.member("fds", fds)
      json.member("pid", pid)
      json.member("metadata", metadata)
      json.member("state", state)
    }
  }
}

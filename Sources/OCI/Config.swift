import JSON

/// The document of a bundle, `config.json` (config.md of the runtime specification 1.3.0), as far as Linux is
/// concerned.
public struct Config: Equatable, Sendable, JSON.Writable {
  /// The version of the specification the document follows (SemVer 2.0).
  public var ociVersion: String
  /// The root file system. Absent only in documents for virtual machines.
  public var root: Root?
  /// The program to run. Absent: the container can be created, not started.
  public var process: Process?
  /// The host name in the container's UTS namespace.
  public var hostname: String?
  /// The NIS domain name in the container's UTS namespace.
  public var domainname: String?
  /// What is mounted below the root, in this order.
  public var mounts: [Mount]
  /// Programs to run at points of the container's life.
  public var hooks: Hooks?
  /// Arbitrary metadata; some keys change the runtime's behaviour.
  public var annotations: StringMap
  /// Everything that only Linux has.
  public var linux: Linux?
  /// Settings of runtimes that put the container into a virtual machine; carried, not used.
  public var vm: VM?

  public init(
    ociVersion: String, root: Root? = nil, process: Process? = nil, hostname: String? = nil, domainname: String? = nil,
    mounts: [Mount] = [], hooks: Hooks? = nil, annotations: StringMap = [:], linux: Linux? = nil, vm: VM? = nil
  ) {
    self.ociVersion = ociVersion
    self.root = root
    self.process = process
    self.hostname = hostname
    self.domainname = domainname
    self.mounts = mounts
    self.hooks = hooks
    self.annotations = annotations
    self.linux = linux
    self.vm = vm
  }

  public init(_ json: JSON.Object) throws(JSON.Error) {
    ociVersion = try json.string("ociVersion")
    root = try json.optionalObject("root", Root.init)
    process = try json.optionalObject("process", Process.init)
    hostname = try json.nonEmptyString("hostname")
    domainname = try json.nonEmptyString("domainname")
    mounts = try json.objects("mounts", Mount.init)
    hooks = try json.optionalObject("hooks", Hooks.init)
    annotations = try json.stringMap("annotations")
    linux = try json.optionalObject("linux", Linux.init)
    vm = try json.optionalObject("vm", VM.init)
    // Version 1.3 made zero a limit. Before, the runtimes had taken it for none, and podman writes it for that until 5.4.
    if linux?.resources?.pids?.limit == 0, let version = SpecificationVersion(ociVersion), version.minor < 3 {
      linux?.resources?.pids?.limit = -1
    }
  }

  public func encode(to writer: inout JSON.Writer) {
    writer.object { json in
      json.member("ociVersion", ociVersion)
      json.member("root", root)
      json.member("process", process)
      json.member("hostname", hostname)
      json.member("domainname", domainname)
      json.member("mounts", mounts)
      json.member("hooks", hooks)
      json.member("annotations", annotations)
      json.member("linux", linux)
      json.member("vm", vm)
    }
  }
}

extension Config {
  /// The container's root file system (config.md, "Root").
  public struct Root: Equatable, Sendable, JSON.Writable {
    /// The directory, absolute or relative to the bundle.
    public var path: String
    /// Whether the root file system is read-only inside the container.
    public var readonly: Bool

    public init(path: String, readonly: Bool = false) {
      self.path = path
      self.readonly = readonly
    }

    public init(_ json: JSON.Object) throws(JSON.Error) {
      path = try json.string("path")
      readonly = try json.optionalBool("readonly") ?? false
    }

    public func encode(to writer: inout JSON.Writer) {
      writer.object { json in
        json.member("path", path)
        if readonly { json.member("readonly", true) }
      }
    }
  }
}

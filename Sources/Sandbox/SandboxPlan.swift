import Linux
import OCI
import Seccomp

/// What the container's first process does to enclose itself, in order: compiled from config.json, free of documents
/// and of system calls, so that it can be printed and tested without privileges.
public struct SandboxPlan: Equatable, Sendable {
  public var namespaces: NamespacePlan
  public var hostname: String?
  public var domainname: String?
  /// Kernel parameters by their path below /proc/sys.
  public var sysctl: [(path: String, value: String)] = []
  public var rootfs: RootfsPlan
  /// ``ProcessPlan/none`` where the configuration has none.
  public var process: ProcessPlan

  public static func == (a: SandboxPlan, b: SandboxPlan) -> Bool {
    a.namespaces == b.namespaces && a.hostname == b.hostname && a.domainname == b.domainname
      && a.sysctl.elementsEqual(b.sysctl, by: { $0 == $1 }) && a.rootfs == b.rootfs && a.process == b.process
  }
}

extension SandboxPlan {
  /// For a configuration that was written without a user namespace in mind: terminals keep the group they are made with.
  public mutating func leaveOutUnmappedGroups() {
    for index in rootfs.mounts.indices {
      guard case .fileSystem("devpts", _) = rootfs.mounts[index].source else { continue }
      rootfs.mounts[index].data.removeAll { option in
        option.key == "gid" && !(option.value.flatMap { UInt32($0) }.map { namespaces.maps(group: $0) } ?? true)
      }
    }
  }
}

/// Which namespaces are made and which are joined (config-linux.md, "Namespaces").
public struct NamespacePlan: Equatable, Sendable {
  public struct Joined: Equatable, Sendable {
    public var kind: NamespaceFlags
    public var path: String
  }

  /// Created with the process, or (time) by it.
  public var created: NamespaceFlags = []
  public var joined: [Joined] = []
  public var userMappings: [IDMapping] = []
  public var groupMappings: [IDMapping] = []
  /// Lines of /proc/self/timens_offsets: `monotonic 10 0`.
  public var timeOffsets: [String] = []

  /// The kinds of which the container has a namespace apart from the runtime's.
  public var separated: NamespaceFlags { joined.reduce(created) { $0.union($1.kind) } }

  /// The file of a namespace that process `pid` is in, or will be in as soon as it has joined it.
  public func path(of kind: NamespaceFlags, in pid: Int32) -> String {
    if let joined = joined.first(where: { $0.kind == kind }) { return joined.path }
    return "/proc/" + String(pid) + "/ns/" + kind.fileName
  }

  /// Whether the group stands for one of the caller's user namespace.
  func maps(group: UInt32) -> Bool {
    !created.contains(.user) || groupMappings.host(of: group) != nil
  }

  public func joins(_ kind: NamespaceFlags) -> Bool { joined.contains { $0.kind == kind } }

  public func separates(_ kind: NamespaceFlags) -> Bool { separated.contains(kind) }

  /// Who a user of the container is on the host; `nil`: nobody, or it cannot be known from here.
  public func hostUser(of user: UInt32) -> UInt32? {
    if joins(.user) { return nil }
    return created.contains(.user) ? userMappings.host(of: user) : user
  }
}

/// One line of a uid_map or gid_map (user_namespaces(7)).
public struct IDMapping: Equatable, Sendable {
  public var container: UInt32
  public var host: UInt32
  public var size: UInt32

  public init(container: UInt32, host: UInt32, size: UInt32) {
    self.container = container
    self.host = host
    self.size = size
  }

  public init(_ mapping: Config.IDMapping) {
    container = mapping.containerID
    host = mapping.hostID
    size = mapping.size
  }

  /// `0 100000 65536`
  public var line: String { String(container) + " " + String(host) + " " + String(size) + "\n" }
}

extension [IDMapping] {
  /// What an id of the container is outside; `nil`: nothing.
  public func host(of id: UInt32) -> UInt32? {
    guard let mapping = first(where: { id >= $0.container && id - $0.container < $0.size }) else { return nil }
    return mapping.host + (id - mapping.container)
  }
}

/// The root file system and everything mounted into it.
public struct RootfsPlan: Equatable, Sendable {
  /// How the directory becomes the process's root.
  public enum Entry: Equatable, Sendable {
    case pivotRoot
    /// For root file systems on an initramfs, which pivot_root(2) refuses.
    case moveRoot
    /// In the mount namespace of others: nothing but the process's root is changed.
    case changeRoot
    /// In the runtime's mount namespace: the root is a tree of mounts that no namespace holds. Nobody else sees it, and it goes
    /// with the last process in it.
    case detachedTree
  }

  /// Absolute path on the host.
  public var path: String
  /// The namespaces that are the caller's.
  public var sharedNamespaces: NamespaceFlags = []
  public var readOnly = false
  public var entry = Entry.pivotRoot
  /// `linux.rootfsPropagation`, applied at the end; `nil`: left as the set-up makes it.
  public var propagation: Propagation?
  /// Whether `linux.rootfsPropagation` leaves the sources of binds as the host has them.
  public var sharesBinds = false
  public var mounts: [MountPlan] = []
  /// The SELinux label of what is mounted, and the option that carries it (`run.oci.mount_context_type`).
  public var mountLabel: String?
  public var mountLabelKind = "context"
  /// Whether default devices and links are made in /dev: not when /dev is somebody else's, bound in.
  public var populatesDev = true
  public var devices: [DevicePlan] = []
  public var maskedPaths: [String] = []
  public var readOnlyPaths: [String] = []
}

/// One entry of `mounts`, with its options taken apart.
public struct MountPlan: Equatable, Sendable {
  public enum Source: Equatable, Sendable {
    /// A bind of a host path.
    case bind(path: String, recursive: Bool)
    /// A new file system of that type.
    case fileSystem(type: String, source: String?)
    /// The container's view of the cgroup hierarchies.
    case cgroup
    /// Changes of what is mounted there already.
    case remount
  }

  public struct Data: Equatable, Sendable {
    public var key: String
    public var value: String?
    /// A flag that not every file system knows; where it is unknown it changes nothing.
    public var isOptional = false
  }

  /// The place in `mounts`, for messages.
  public var index: Int
  public var destination: String
  public var source: Source
  public var set: MountAttributes = []
  public var clear: MountAttributes = []
  public var recursiveSet: MountAttributes = []
  public var recursiveClear: MountAttributes = []
  public var propagation: [PropagationChange] = []
  public var data: [Data] = []
  /// Options that say something of a file system, where there is none of the mount's own.
  public var ignored: [String] = []
  public var copiesUp = false
  public var idMap: IDMapPlan?
  public var links: Links = []
  /// Whether the source lies where a container in a user namespace may not go.
  public var isPrivate = false
  /// What the parent has made of it: the bind, where it takes rights that the container has not; for a new file system, the user
  /// namespace with its id maps. -1: nothing.
  public var prepared: Int32 = -1

  /// A bind of a directory of the runtime's, which the container can look into and no more.
  public init(index: Int, privateDirectory path: String, on destination: String) {
    self.index = index
    self.destination = destination
    source = .bind(path: path, recursive: false)
    set = [.readOnly, .noSuid, .noDev, .noExec]
    isPrivate = true
  }

  public struct PropagationChange: Equatable, Sendable {
    public var propagation: Propagation
    public var recursive: Bool
  }

  /// What becomes of symbolic links at the ends of a bind; otherwise they are followed.
  public struct Links: OptionSet, Sendable {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// A link that is the source is bound itself.
    public static let bindsSource = Links(rawValue: 1)
    /// A link at the destination is mounted over itself.
    public static let coversDestination = Links(rawValue: 2)
    /// A link that is the source is not bound: the destination becomes a link to the same place.
    public static let copiesSource = Links(rawValue: 4)
  }

  public struct IDMapPlan: Equatable, Sendable {
    /// A line of a map.
    public struct Line: Equatable, Sendable {
      public var mapping: IDMapping
      /// Whether `mapping.host` is an id of the container's user namespace.
      public var isRelative = false
    }

    public var recursive: Bool
    /// Both empty: the maps of the container's user namespace.
    public var users: [Line] = []
    public var groups: [Line] = []
  }
}

/// One device file.
public struct DevicePlan: Equatable, Sendable {
  public var path: String
  /// `S_IFCHR`, `S_IFBLK` or `S_IFIFO` with the permission bits.
  public var mode: UInt32
  public var major: UInt32
  public var minor: UInt32
  public var uid: UInt32 = 0
  public var gid: UInt32 = 0
}

/// The process that is started: also what `exec` starts.
public struct ProcessPlan: Equatable, Sendable {
  public var arguments: [String]
  /// What execve(2) gets for `arguments[0]`: known once it was looked up in the container.
  var program = ""
  public var environment: [String]
  public var workingDirectory: String
  public var terminal = false
  /// Characters: rows and columns.
  public var consoleRows: UInt16?
  public var consoleColumns: UInt16?
  public var uid: UInt32 = 0
  public var gid: UInt32 = 0
  public var additionalGroups: [UInt32] = []
  public var keepsOriginalGroups = false
  public var umask: UInt32 = 0o022
  /// What is not asked for is not there, all of it when nothing is said.
  public var capabilities = CapabilityPlan()
  public var limits: [LimitPlan] = []
  public var noNewPrivileges = false
  public var oomScoreAdjustment: Int32?
  public var personality: UInt?
  public var scheduler: SchedulerPlan?
  public var ioClass: Int32?
  public var ioPriority: Int32 = 0
  public var memoryPolicy: MemoryPolicyPlan?
  public var apparmorProfile: String?
  public var selinuxLabel: String?
  public var landlock: LandlockPlan?
  /// Its rules, once they were made; -1: none.
  var landlockRuleset: Int32 = -1
  public var joinsNewKeyring = true
  /// Descriptors from 3 on that the program gets, by `--preserve-fds` and `LISTEN_FDS`.
  public var preservedDescriptors: Int32 = 0
  /// How many of them systemd's protocol announces (sd_listen_fds(3)).
  public var listenDescriptors: Int32 = 0

  public init(arguments: [String], environment: [String], workingDirectory: String) {
    self.arguments = arguments
    self.environment = environment
    self.workingDirectory = workingDirectory
  }
}

/// The five sets (capabilities(7)).
public struct CapabilityPlan: Equatable, Sendable {
  public var bounding: CapabilitySet = []
  public var effective: CapabilitySet = []
  public var permitted: CapabilitySet = []
  public var inheritable: CapabilitySet = []
  public var ambient: CapabilitySet = []

  public init() {}
}

/// One resource limit (getrlimit(2)).
public struct LimitPlan: Equatable, Sendable {
  public var name: String
  public var resource: Int32
  public var soft: UInt64
  public var hard: UInt64
}

/// Arguments of sched_setattr(2).
public struct SchedulerPlan: Equatable, Sendable {
  public var policy: UInt32
  public var flags: UInt64
  public var nice: Int32
  public var priority: UInt32
  /// Nanoseconds, all three.
  public var runtime: UInt64
  public var deadline: UInt64
  public var period: UInt64
}

/// Arguments of set_mempolicy(2).
public struct MemoryPolicyPlan: Equatable, Sendable {
  public var mode: Int32
  /// A bit for each NUMA node.
  public var nodes: [UInt]
}

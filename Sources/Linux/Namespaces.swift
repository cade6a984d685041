import CLinux

/// The kinds of namespaces (namespaces(7)), by the flags of clone(2).
public struct NamespaceFlags: OptionSet, Sendable, Equatable {
  public let rawValue: UInt64
  public init(rawValue: UInt64) { self.rawValue = rawValue }

  public static let time = NamespaceFlags(rawValue: 0x80)
  public static let mount = NamespaceFlags(rawValue: 0x0002_0000)
  public static let cgroup = NamespaceFlags(rawValue: 0x0200_0000)
  public static let uts = NamespaceFlags(rawValue: 0x0400_0000)
  public static let ipc = NamespaceFlags(rawValue: 0x0800_0000)
  public static let user = NamespaceFlags(rawValue: 0x1000_0000)
  public static let pid = NamespaceFlags(rawValue: 0x2000_0000)
  public static let network = NamespaceFlags(rawValue: 0x4000_0000)

  /// Of one kind: its name in /proc/PID/ns.
  public var fileName: String {
    switch self {
    case .time: return "time"
    case .mount: return "mnt"
    case .cgroup: return "cgroup"
    case .uts: return "uts"
    case .ipc: return "ipc"
    case .user: return "user"
    case .pid: return "pid"
    default: return "net"
    }
  }

  /// Moves the calling process into the namespace(s) behind the descriptor. See setns(2).
  public func join(_ descriptor: borrowing Descriptor) throws(SystemError) {
    try check("setns", clx_setns(descriptor.number, Int32(truncatingIfNeeded: rawValue)))
  }

  /// Moves the calling process into new namespaces. See unshare(2).
  public func unshare() throws(SystemError) {
    try check("unshare", clx_unshare(Int32(truncatingIfNeeded: rawValue)))
  }
}

/// What clone3(2) returned: to whom.
public enum Cloned {
  case child
  case parent(childPID: Int32)
}

/// Makes a child process in new namespaces, with its own copy of memory, that goes on in the caller's code.
///
/// Allowed as long as the process has one thread (design, section 3): nothing may ever start another.
///
/// - Parameters:
///   - namespaces: the namespaces to create. Not `.time`: its offsets are to be set before a process enters.
///   - cgroup: the descriptor of a cgroup v2 directory the child starts in (CLONE_INTO_CGROUP, Linux 5.7); -1: ours.
///   - sibling: the child's parent is our own parent (CLONE_PARENT).
public func clone(into namespaces: NamespaceFlags, cgroup: Int32 = -1, sibling: Bool = false) throws(SystemError)
  -> Cloned
{
  var flags = namespaces.rawValue
  if cgroup >= 0 { flags |= CLX_CLONE_INTO_CGROUP }
  if sibling { flags |= 0x8000 /* CLONE_PARENT */ }
  let result = clx_clone3(flags, sibling ? 0 : SIGCHLD, cgroup)
  try check("clone3", result)
  return result == 0 ? .child : .parent(childPID: Int32(result))
}

/// Makes a user namespace with the given maps and no process in it: for id-mapped mounts (mount_setattr(2)).
///
/// - Parameters: lines of uid_map and gid_map (user_namespaces(7)).
public func makeUserNamespace(users: String, groups: String) throws(SystemError) -> Descriptor {
  let pipe = try Descriptor.pipe()
  let reader = Descriptor(taking: pipe.reader)
  let writer = Descriptor(taking: pipe.writer)
  guard case .parent(let pid) = try clone(into: .user) else {
    // Lives until the parent has the namespace open and lets go of the pipe.
    _ = clx_close(pipe.writer)
    _ = try? reader.read(upTo: 1)
    clx_exit(0)
  }
  var namespace: Int32 = -1
  var failure: SystemError?
  do throws(SystemError) {
    try writeProcessFile(pid, "gid_map", groups)
    try writeProcessFile(pid, "uid_map", users)
    namespace = try openFile("/proc/" + String(pid) + "/ns/user").release()
  } catch {
    failure = error
  }
  _ = consume writer
  _ = try waitForChild(pid)
  if let failure { throw failure }
  return Descriptor(taking: namespace)
}

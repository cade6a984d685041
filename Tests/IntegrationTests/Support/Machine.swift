import CTestSupport
import Foundation

/// What this machine and this caller can do: tests that need more are skipped.
enum Machine {
  static let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

  static let isRoot = geteuid() == 0

  /// The program under test: `bin/apus`, or what `RUNTIME` names.
  static let runtime: String = {
    if let path = ProcessInfo.processInfo.environment["RUNTIME"], !path.isEmpty { return path }
    return repository + "/bin/apus"
  }()

  /// The top of this project.
  static let repository: String = {
    var package = URL(fileURLWithPath: #filePath)
    for _ in 0..<4 { package.deleteLastPathComponent() }
    return package.path
  }()

  /// What makes system calls fail (Tests/Faults).
  static let faults = built("faults")
  /// A program that embeds the library (Tests/Embedding).
  static let embedding = built("embedding")

  /// A program that is built beside this test program.
  private static func built(_ name: String) -> String {
    URL(fileURLWithPath: Files.link("/proc/self/exe") ?? "").deletingLastPathComponent().path + "/" + name
  }

  /// Whether a program is there to be called.
  static func has(_ program: String) -> Bool {
    path.split(separator: ":").contains { access("\($0)/\(program)", X_OK) == 0 }
  }

  /// Whether the kernel is of that version or a later one.
  static func hasLinux(_ major: Int, _ minor: Int) -> Bool {
    ProcessInfo.processInfo.isOperatingSystemAtLeast(
      OperatingSystemVersion(majorVersion: major, minorVersion: minor, patchVersion: 0))
  }

  /// Whether a kernel file system is known.
  static func hasFileSystem(_ name: String) -> Bool {
    ((try? Files.read("/proc/filesystems")) ?? "").split(separator: "\n").contains { $0.hasSuffix("\t" + name) }
  }

  /// Whether this process has the capability with that number (capability.h).
  static func hasCapability(_ number: Int) -> Bool {
    guard let text = Processes.status(Int(getpid()), "CapEff"), let set = UInt64(text, radix: 16) else { return false }
    return set >> UInt64(number) & 1 == 1
  }

  /// Whether pairs of network devices can be made, tried in a network namespace that goes at once.
  static let canMakeDevices: Bool = {
    guard isRoot, has("ip"), has("unshare") else { return false }
    return (try? host("unshare", "--net", "ip", "link", "add", "apus0", "type", "veth", "peer", "name", "apus1"))?
      .status == 0
  }()

  /// The version of Landlock that the kernel has; -1: none.
  static let landlockVersion = Int(ct_landlock_version())

  static let mayRaiseLimits = hasCapability(24)
  static let hasTimeNamespaces = Files.exists("/proc/self/ns/time")
  static let hasUserNamespaces = Files.exists("/proc/self/ns/user")
  /// Whether the program under test runs in a root file system without libraries.
  static let runtimeIsStatic = (try? host("readelf", "-l", runtime))?.output.contains("INTERP") == false
  static let canTrace: Bool = {
    guard isRoot, has("strace") else { return false }
    return (try? host("strace", "-o", "/dev/null", "true"))?.status == 0
  }()
  static let canInjectFaults = isRoot && (try? host(faults, "-r", "/dev/null", "/bin/true"))?.status == 0
}

/// The cgroup hierarchies of the machine.
enum Hierarchies {
  /// The directories they are mounted on.
  static let directories: [String] = {
    let mounts = ((try? Files.read("/proc/self/mountinfo")) ?? "").split(separator: "\n")
    return mounts.compactMap { line in
      let halves = line.components(separatedBy: " - ")
      guard halves.count == 2, halves[1].hasPrefix("cgroup") else { return nil }
      return String(halves[0].split(separator: " ")[4])
    }
  }()

  /// The directory of a v1 controller; `nil` where it is none, or is a controller of v2.
  static func directory(_ controller: String) -> String? {
    let mounts = ((try? Files.read("/proc/self/mountinfo")) ?? "").split(separator: "\n")
    for line in mounts {
      let halves = line.components(separatedBy: " - ")
      guard halves.count == 2, halves[1].hasPrefix("cgroup ") else { continue }
      let options = halves[1].split(separator: " ").last?.split(separator: ",") ?? []
      if options.contains(Substring(controller)) { return String(halves[0].split(separator: " ")[4]) }
    }
    return nil
  }

  /// Whether a controller is there, in a hierarchy of its own or on cgroup v2.
  static func limits(_ controller: String) -> Bool {
    if directory(controller) != nil { return true }
    return directories.contains { directory in
      let controllers = (try? Files.read(directory + "/cgroup.controllers")) ?? ""
      return controllers.split(whereSeparator: \.isWhitespace).contains(Substring(controller))
    }
  }

  /// Where all containers of this run have their cgroups.
  static let parent = "/apus-tests-\(getpid())"

  static func existing(_ path: String) -> [String] { directories.map { $0 + path }.filter(Files.exists) }

  static func removeParent() { for directory in existing(parent) { remove(directory) } }

  /// Removes a cgroup and those below it.
  static func remove(_ directory: String) {
    for name in Files.names(directory) where !name.contains(".") {
      var status = stat()
      if lstat(directory + "/" + name, &status) == 0, status.st_mode & S_IFMT == S_IFDIR {
        remove(directory + "/" + name)
      }
    }
    rmdir(directory)
  }
}

/// The mounts of this program's mount namespace at or below a path.
func mounts(below path: String) -> [String] {
  let points = ((try? Files.read("/proc/self/mountinfo")) ?? "").split(separator: "\n").map {
    String($0.split(separator: " ")[4])
  }
  return points.filter { $0 == path || $0.hasPrefix(path + "/") }
}

/// Scripts for a container that print what /proc/self/mountinfo says of the topmost mount at a path
/// (proc_pid_mountinfo(5)).
enum MountInfo {
  /// The options of the mount: `rw,nosuid`.
  static func options(of path: String) -> String { field("$6", of: path) }

  /// Those of its file system: `rw,size=64k`.
  static func superOptions(of path: String) -> String { field("$NF", of: path) }

  private static func field(_ field: String, of path: String) -> String {
    "awk '$5 == \"\(path)\" { line = \(field) } END { print line }' /proc/self/mountinfo"
  }
}

import Linux

/// What one word of a mount's `options` means (config.md, "Linux mount options").
enum MountOption: Equatable {
  /// Sets and clears attributes of the mount itself.
  case attributes(set: MountAttributes, clear: MountAttributes, recursive: Bool)
  /// A flag of the file system, as fsconfig(2) names it.
  case fileSystemFlag(String)
  case propagation(Propagation, recursive: Bool)
  case bind(recursive: Bool)
  case remount
  /// Copies what the image has at the destination into the new tmpfs.
  case copyUp
  /// Applies the mount's id maps, or the container's.
  case idMap(recursive: Bool)
  /// What becomes of a symbolic link at an end of a bind.
  case links(MountPlan.Links)
  /// Says what is so anyway, or what no longer has a meaning in the kernel.
  case nothing

  /// Every word the table knows, in order.
  fileprivate static var names: [String] { table.map { $0.0.description }.sorted() }

  /// The meaning of a word; `nil` when it is none of ours: data for the file system.
  init?(_ word: String) {
    for (name, option) in MountOption.table where name.matches(word) {
      self = option
      return
    }
    return nil
  }

  private static func set(_ attributes: MountAttributes, _ recursive: Bool = false) -> MountOption {
    .attributes(set: attributes, clear: [], recursive: recursive)
  }
  private static func clear(_ attributes: MountAttributes, _ recursive: Bool = false) -> MountOption {
    .attributes(set: [], clear: attributes, recursive: recursive)
  }
  /// The access-time settings are one field: the old value is cleared whenever a new one is set.
  private static func time(_ value: MountAttributes, _ recursive: Bool = false) -> MountOption {
    .attributes(set: value, clear: .accessTime, recursive: recursive)
  }

  private static let table: [(StaticString, MountOption)] = [
    ("bind", .bind(recursive: false)), ("rbind", .bind(recursive: true)),
    ("ro", set(.readOnly)), ("rw", clear(.readOnly)), ("rro", set(.readOnly, true)), ("rrw", clear(.readOnly, true)),
    ("nosuid", set(.noSuid)), ("suid", clear(.noSuid)), ("rnosuid", set(.noSuid, true)),
    ("rsuid", clear(.noSuid, true)),
    ("nodev", set(.noDev)), ("dev", clear(.noDev)), ("rnodev", set(.noDev, true)), ("rdev", clear(.noDev, true)),
    ("noexec", set(.noExec)), ("exec", clear(.noExec)), ("rnoexec", set(.noExec, true)),
    ("rexec", clear(.noExec, true)),
    ("nodiratime", set(.noDirAccessTime)), ("diratime", clear(.noDirAccessTime)),
    ("rnodiratime", set(.noDirAccessTime, true)), ("rdiratime", clear(.noDirAccessTime, true)),
    ("noatime", time(.noAccessTime)), ("atime", clear(.accessTime)), ("rnoatime", time(.noAccessTime, true)),
    ("ratime", clear(.accessTime, true)),
    ("relatime", clear(.accessTime)), ("norelatime", clear(.accessTime)), ("rrelatime", clear(.accessTime, true)),
    ("rnorelatime", clear(.accessTime, true)),
    ("strictatime", time(.strictAccessTime)), ("nostrictatime", clear(.accessTime)),
    ("rstrictatime", time(.strictAccessTime, true)), ("rnostrictatime", clear(.accessTime, true)),
    ("nosymfollow", set(.noSymlinkFollow)), ("symfollow", clear(.noSymlinkFollow)),
    ("rnosymfollow", set(.noSymlinkFollow, true)), ("rsymfollow", clear(.noSymlinkFollow, true)),
    ("sync", .fileSystemFlag("sync")), ("async", .fileSystemFlag("async")), ("dirsync", .fileSystemFlag("dirsync")),
    // A file system has them as a whole: there is nothing below that could have its own.
    ("rsync", .fileSystemFlag("sync")), ("rasync", .fileSystemFlag("async")), ("rdirsync", .fileSystemFlag("dirsync")),
    ("rmand", .fileSystemFlag("mand")), ("rnomand", .fileSystemFlag("nomand")),
    ("lazytime", .fileSystemFlag("lazytime")), ("nolazytime", .fileSystemFlag("nolazytime")),
    ("mand", .fileSystemFlag("mand")), ("nomand", .fileSystemFlag("nomand")),
    ("iversion", .fileSystemFlag("iversion")), ("noiversion", .fileSystemFlag("noiversion")),
    ("acl", .fileSystemFlag("acl")), ("noacl", .fileSystemFlag("noacl")),
    ("silent", .nothing), ("loud", .nothing), ("defaults", .nothing), ("remount", .remount),
    ("private", .propagation(.private, recursive: false)), ("rprivate", .propagation(.private, recursive: true)),
    ("shared", .propagation(.shared, recursive: false)), ("rshared", .propagation(.shared, recursive: true)),
    ("slave", .propagation(.slave, recursive: false)), ("rslave", .propagation(.slave, recursive: true)),
    ("unbindable", .propagation(.unbindable, recursive: false)),
    ("runbindable", .propagation(.unbindable, recursive: true)),
    ("tmpcopyup", .copyUp), ("idmap", .idMap(recursive: false)), ("ridmap", .idMap(recursive: true)),
    ("src-nofollow", .links(.bindsSource)), ("dest-nofollow", .links(.coversDestination)),
    ("copy-symlink", .links(.copiesSource)),
  ]
}

/// The mount options that are handled here and not left to file systems, in order: for the features document.
public var knownMountOptions: [String] { MountOption.names }

import Linux
import Runtime

/// `restore`: makes a container from what `checkpoint` wrote.
struct Restore: MakesContainer, UsesImages {
  static var name: StaticString { "restore" }
  static var summary: StaticString { "make a container again from the files of checkpoint, by CRIU" }
  static var discussion: StaticString {
    """
    Its processes go on where they were. The bundle has to be the same. The exit status is that of the container's process;
    128 + N when signal N killed it.
    """
  }

  private var id = ""
  var creation = CreateOptions()
  var images = ImageOptions()
  private var options = RestoreOptions()
  private var detach = false
  private var keep = false
  private var noSubreaper = false

  static func arguments(_ table: inout ArgumentTable<Restore>) {
    Restore.creationArguments(&table)
    Restore.imageArguments(&table)
    table.value("lsm-profile", "KIND:NAME", "label instead of the processes', such as apparmor:NAME", as: nonEmpty) {
      $0.options.lsmProfile = $1
    }
    table.value("lsm-mount-context", "LABEL", "SELinux label instead of the mounts'", as: nonEmpty) {
      $0.options.lsmMountContext = $1
    }
    table.flag("detach", letter: "d", "do not wait for the end, and do not delete") { $0.detach = $1 }
    table.flag("keep", "do not delete the container when it has ended") { $0.keep = $1 }
    table.flag("no-subreaper", "do not reap what the container's processes leave behind") { $0.noSubreaper = $1 }
    table.required("ID") { $0.id = $1 }
  }

  func run(in session: Session) throws(Failure) -> Int32 {
    var options = options
    options.creation = creation
    options.images = images
    return try session.store.restore(
      ContainerID(id), options, detach: detach, keep: keep, noSubreaper: noSubreaper)
  }
}

import Linux
import Runtime

/// A command about the images of a container: `checkpoint`, `restore`.
protocol UsesImages: Command {
  var images: ImageOptions { get set }
}

extension UsesImages {
  static func imageArguments(_ table: inout ArgumentTable<Self>) {
    table.value("image-path", "DIR", "the images [checkpoint]", as: nonEmpty) { $0.images.imagePath = $1 }
    table.value("work-path", "DIR", "CRIU's log and other files [as --image-path]", as: nonEmpty) {
      $0.images.workPath = $1
    }
    table.flag("tcp-established", "keep TCP connections") { $0.images.tcpEstablished = $1 }
    table.flag("tcp-close", "drop TCP connections") { $0.images.tcpClose = $1 }
    table.flag("ext-unix-sk", "allow unix sockets that are connected to others outside") {
      $0.images.externalUnixSockets = $1
    }
    table.flag("shell-job", "allow a session or terminal of the caller's") { $0.images.shellJob = $1 }
    table.flag("file-locks", "keep locks of files") { $0.images.fileLocks = $1 }
    table.flag("link-remap", "give open files that were removed a name meanwhile") { $0.images.linkRemap = $1 }
    table.flag("auto-dedup", "remove from older images what newer ones have, too") { $0.images.autoDedup = $1 }
    table.flag("lazy-pages", "fetch memory from a page server when it is used") { $0.images.lazyPages = $1 }
    table.value("manage-cgroups-mode", "MODE", "soft, full, strict or ignore (criu(8)) [soft]", as: cgroupsMode) {
      $0.images.cgroupsMode = $1
    }
    table.value("network-lock", "METHOD", "hold connections by iptables, nftables, or not (skip)", as: networkLock) {
      $0.images.networkLock = $1
    }
    table.value("empty-ns", "NAMESPACE", "network: which is empty in any case", as: emptyNamespace) { _, _ in }
  }
}

private func cgroupsMode(_ text: String) throws(Failure) -> CriuCgroupsMode { try choice(text) }

private func networkLock(_ text: String) throws(Failure) -> CriuNetworkLock { try choice(text) }

/// The only one that can be, and it always is.
private func emptyNamespace(_ text: String) throws(Failure) -> Bool {
  if text == "network" { return true }
  throw Failure("\"" + text + "\": only network can be empty")
}

/// `checkpoint`: writes a container's processes into files.
struct Checkpoint: UsesImages {
  static var name: StaticString { "checkpoint" }
  static var summary: StaticString { "write the processes of a container into files, by CRIU" }
  static var discussion: StaticString {
    """
    From these files, restore makes the container again. Unless it is to go on, it ends and is deleted. What is in its network
    namespace is not written: the hooks, or whoever configured it, do so again.
    """
  }

  private var id = ""
  var images = ImageOptions()
  private var options = CheckpointOptions()

  static func arguments(_ table: inout ArgumentTable<Checkpoint>) {
    Checkpoint.imageArguments(&table)
    table.value("parent-path", "DIR", "images made before, relative to the new ones", as: nonEmpty) {
      $0.options.parentPath = $1
    }
    table.flag("leave-running", "let the container go on") { $0.options.leaveRunning = $1 }
    table.flag("pre-dump", "write memory only, and let the container go on") { $0.options.preDump = $1 }
    table.flag("tcp-skip-in-flight", "leave half-open TCP connections out") { $0.images.tcpSkipInFlight = $1 }
    table.value("page-server", "ADDRESS:PORT", "where memory goes, or is fetched from", as: pageServer) {
      $0.options.pageServer = $1
    }
    table.value("status-fd", "FD", "descriptor that gets a zero byte when memory can be fetched", as: count) {
      $0.options.statusFD = $1
    }
    table.required("ID") { $0.id = $1 }
  }

  func run(in session: Session) throws(Failure) -> Int32 {
    var options = options
    options.images = images
    try session.store.checkpoint(ContainerID(id), options)
    return 0
  }
}

/// Reads `192.0.2.1:27` or `[2001:db8::1]:27`.
private func pageServer(_ text: String) throws(Failure) -> CheckpointOptions.PageServer {
  let parts = text.split(separator: ":")
  guard parts.count > 1, let last = parts.last, let port = decimal(last.utf8), port > 0, port < 65536 else {
    throw Failure("\"" + text + "\" is no ADDRESS:PORT")
  }
  var address = text.dropLast(last.count + 1)
  if address.hasPrefix("[") && address.hasSuffix("]") { address = address.dropFirst().dropLast() }
  if address.isEmpty { throw Failure("\"" + text + "\" is no ADDRESS:PORT") }
  return CheckpointOptions.PageServer(address: String(address), port: Int32(port))
}

import Foundation
import Testing

/// A bundle with a state directory and a cgroup of its own, for one test.
///
/// `config` starts as a small container that has every namespace and a busybox; a test changes what it is about.
final class Bundle {
  let id: String
  let directory: String
  var config: JSON
  /// How the runtime is called.
  var runtime = [Machine.runtime]
  /// What the command's environment gets besides the mark.
  var environment: [String] = []

  /// Who runs the runtime; `nil`: root.
  var user: OrdinaryUser?

  /// In the environment of every process of this bundle: finds those that were left.
  let marker: String

  private var isWritten = false

  var rootfs: String { directory + "/rootfs" }
  /// The runtime's state directory.
  var states: String { directory + "/states" }
  /// For sockets, logs and the like.
  var workspace: String { directory + "/work" }
  var cgroupsPath: String { Hierarchies.parent + "/" + id }

  fileprivate init() throws {
    id = Scratch.name("c")
    directory = Scratch.directory + "/" + id
    marker = "APUS_TEST=\(getpid())-\(id)-"
    config = Bundle.defaultConfig(cgroupsPath: Hierarchies.parent + "/" + id, marker: marker)
    try Files.makeDirectory(directory)
    try Files.makeDirectory(workspace)
    try makeRootfs(rootfs)
  }

  // MARK: contents

  static let environmentPath = "PATH=/bin:/usr/local/bin"

  private static func defaultConfig(cgroupsPath: String, marker: String) -> JSON {
    [
      "ociVersion": "1.2.0",
      "process": [
        "user": ["uid": 0, "gid": 0],
        "args": ["true"],
        "env": [.string(environmentPath), .string(marker)],
        "cwd": "/",
        "capabilities": [:],
      ],
      "root": ["path": "rootfs"],
      "mounts": [
        ["destination": "/proc", "type": "proc", "source": "proc"]
      ],
      "linux": [
        "cgroupsPath": .string(cgroupsPath),
        "namespaces": [
          ["type": "pid"], ["type": "mount"], ["type": "ipc"], ["type": "uts"], ["type": "network"], ["type": "cgroup"],
        ],
      ],
    ]
  }

  private static let applets = [
    "awk", "cat", "chmod", "chown", "cut", "date", "dd", "echo", "env", "false", "grep", "head", "hostname", "id", "ip",
    "kill",
    "ln", "ls", "mkdir", "mknod", "mount", "mv", "nc", "nproc", "ps", "pwd", "readlink", "rm", "sed", "seq", "setsid",
    "sh",
    "sleep", "sort",
    "stat", "stty", "tail", "test", "touch", "tr", "true", "tty", "umount", "uname", "wc", "yes",
  ]

  /// Makes another small root file system.
  func makeRootfs(_ path: String) throws {
    try Files.makeDirectory(path)
    for name in ["bin", "dev", "etc", "proc", "sys", "tmp", "root"] { try Files.makeDirectory(path + "/" + name) }
    if link(Scratch.busybox, path + "/bin/busybox") != 0 { throw TestError.system("link \(Scratch.busybox)") }
    for applet in Bundle.applets { try Files.makeLink(path + "/bin/" + applet, to: "busybox") }
    try Files.write(
      "root:x:0:0:root:/root:/bin/sh\nsomebody:x:1000:1000::/home/somebody:/bin/sh\n", to: path + "/etc/passwd")
    try Files.write("root:x:0:\nsomebody:x:1000:\n", to: path + "/etc/group")
  }

  /// What the container runs.
  var arguments: [String] {
    get { config["process"]["args"].elements.compactMap(\.text) }
    set { config["process"]["args"] = JSON(newValue) }
  }

  /// Adds an entry of `mounts`.
  func mount(_ destination: String, type: String? = nil, from source: String? = nil, _ options: String...) {
    var mount: JSON = ["destination": .string(destination), "options": JSON(options)]
    if let type { mount["type"] = .string(type) }
    if let source { mount["source"] = .string(source) }
    config["mounts"].append(mount)
  }

  /// Replaces, adds or (with neither) removes the namespace of that kind.
  func namespace(_ kind: String, new: Bool = false, path: String? = nil) {
    var list = config["linux"]["namespaces"].elements.filter { $0["type"].text != kind }
    if new { list.append(["type": .string(kind)]) }
    if let path { list.append(["type": .string(kind), "path": .string(path)]) }
    config["linux"]["namespaces"] = .array(list)
  }

  /// A new user namespace in which `size` ids are those of the host from `host` on, and a root file system that belongs
  /// to its root.
  func mapIDs(to host: Int, size: Int = 65536) {
    giveRootfs(to: host)
    namespace("user", new: true)
    let mapping: JSON = [["containerID": 0, "hostID": JSON(host), "size": JSON(size)]]
    config["linux"]["uidMappings"] = mapping
    config["linux"]["gidMappings"] = mapping
  }

  func giveRootfs(to user: Int) {
    let paths = FileManager.default.enumerator(atPath: rootfs)?.compactMap { $0 as? String } ?? []
    // Not the busybox: all root file systems share it.
    for path in [""] + paths where path != "bin/busybox" { lchown(rootfs + "/" + path, uid_t(user), gid_t(user)) }
  }

  /// Writes config.json: done by the commands that read it.
  func writeConfig() throws { try Files.write(config.serialized, to: directory + "/config.json") }

  // MARK: commands

  /// Makes an ordinary user the owner of everything, who then runs the runtime.
  func give(to user: OrdinaryUser) throws {
    self.user = user
    runtime = try user.arguments(in: workspace) + [try OrdinaryUser.runtime()]
    giveRootfs(to: user.id)
    for path in [directory, workspace] { chown(path, uid_t(user.id), gid_t(user.id)) }
    // Nothing of it is the user's to make.
    config["linux"]["cgroupsPath"] = JSON.null
  }

  /// Starts the runtime with this bundle's state directory.
  func begin(
    global: [String] = [], _ arguments: [String], input: Int32 = -1, descriptors: [Int32] = [], terminal: Int32? = nil
  ) throws -> Command {
    try Command(
      runtime + ["--root", states] + global + arguments,
      environment: ["PATH=\(Machine.path)", marker] + environment, directory: workspace, input: input,
      descriptors: descriptors, terminal: terminal)
  }

  /// Runs the runtime with this bundle's state directory.
  @discardableResult
  func apus(_ arguments: String..., global: [String] = [], input: Int32 = -1, descriptors: [Int32] = []) throws
    -> Outcome
  {
    try begin(global: global, arguments, input: input, descriptors: descriptors).finish()
  }

  /// `create`, whatever comes of it.
  func tryCreate(_ flags: [String] = [], id: String? = nil, global: [String] = [], descriptors: [Int32] = []) throws
    -> Outcome
  {
    try writeConfig()
    return try begin(
      global: global, ["create", "--bundle", directory] + flags + [id ?? self.id], descriptors: descriptors
    ).finish()
  }

  /// `create`, which has to succeed.
  func create(_ flags: String..., id: String? = nil, sourceLocation: SourceLocation = #_sourceLocation) throws {
    try mustSucceed(try tryCreate(flags, id: id), sourceLocation)
  }

  func start(sourceLocation: SourceLocation = #_sourceLocation) throws {
    try mustSucceed(try apus("start", id), sourceLocation)
  }

  /// `create` and `start`.
  func launch(_ arguments: String..., sourceLocation: SourceLocation = #_sourceLocation) throws {
    if !arguments.isEmpty { self.arguments = arguments }
    try mustSucceed(try tryCreate(), sourceLocation)
    try start(sourceLocation: sourceLocation)
  }

  /// `run`, whatever comes of it.
  @discardableResult
  func run(_ flags: String..., input: Int32 = -1, descriptors: [Int32] = []) throws -> Outcome {
    try writeConfig()
    return try begin(["run", "--bundle", directory] + flags + [id], input: input, descriptors: descriptors).finish()
  }

  /// Runs a script in the container, which has to succeed; what it printed, without the last line end.
  func output(of script: String, sourceLocation: SourceLocation = #_sourceLocation) throws -> String {
    arguments = ["sh", "-c", script]
    let outcome = try run()
    try mustSucceed(outcome, sourceLocation)
    return outcome.line
  }

  /// Runs a script in the container, and compares what it prints.
  func expect(_ script: String, prints expected: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
    let printed = try output(of: script, sourceLocation: sourceLocation)
    #expect(printed == expected, sourceLocation: sourceLocation)
  }

  /// The answer of `state`.
  func state(sourceLocation: SourceLocation = #_sourceLocation) throws -> JSON {
    let outcome = try apus("state", id)
    try mustSucceed(outcome, sourceLocation)
    return try JSON(parsing: outcome.output)
  }

  var status: String? { get throws { try state()["status"].text } }

  /// The container process, as this machine numbers it.
  func pid(sourceLocation: SourceLocation = #_sourceLocation) throws -> Int {
    try #require(try state(sourceLocation: sourceLocation)["pid"].integer, sourceLocation: sourceLocation)
  }

  /// What a file of the container's cgroup says, in the hierarchy of a v1 controller.
  func control(_ controller: String, _ file: String, sourceLocation: SourceLocation = #_sourceLocation) throws -> String
  {
    let directory = try #require(Hierarchies.directory(controller), sourceLocation: sourceLocation)
    return try Files.read(directory + cgroupsPath + "/" + file).trimmingCharacters(in: .newlines)
  }

  /// Waits until the container's process has ended.
  func waitUntilStopped(sourceLocation: SourceLocation = #_sourceLocation) throws {
    let stopped = try waitUntil { try status == "stopped" }
    try #require(stopped, "the container did not stop", sourceLocation: sourceLocation)
  }

  /// Whether a command ended with that status, and said nothing but one line on standard error that begins with its name.
  ///
  /// - Parameter circumstances: what the test did to it, for the message.
  func expectError(
    _ outcome: Outcome, of command: String, status: Int32 = 1, circumstances: String = "the command",
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let message: Comment = "\(circumstances): \(outcome)"
    #expect(outcome.status == status, message, sourceLocation: sourceLocation)
    #expect(outcome.output == "", message, sourceLocation: sourceLocation)
    #expect(outcome.errors.hasPrefix("apus: \(command): "), message, sourceLocation: sourceLocation)
    #expect(outcome.errors.filter { $0 == "\n" }.count == 1, message, sourceLocation: sourceLocation)
  }

  /// Whether a command was refused as the design asks: exit status 1, one line on standard error that says which command
  /// failed and why, and nothing left of a container.
  func expectRefused(
    _ outcome: Outcome, _ command: String, _ words: [String], mounts: [String] = [],
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    expectError(outcome, of: command, sourceLocation: sourceLocation)
    for word in words {
      #expect(outcome.errors.lowercased().contains(word.lowercased()), "\(outcome)", sourceLocation: sourceLocation)
    }
    expectNothingLeft(mounts: mounts, sourceLocation: sourceLocation)
  }

  private func mustSucceed(_ outcome: Outcome, _ sourceLocation: SourceLocation) throws {
    try #require(outcome.status == 0, "\(outcome)", sourceLocation: sourceLocation)
  }

  // MARK: what the program wrote down

  var stateFile: String { states + "/" + id + "/state.json" }

  /// Changes what is written down of the container: the last line of its state.
  func amendState(_ change: (inout JSON) -> Void) throws {
    let lines = try Files.read(stateFile).split(separator: "\n")
    var record = try JSON(parsing: String(try #require(lines.last)))
    change(&record)
    try Files.write(record.serialized + "\n", to: stateFile)
  }

  // MARK: the end

  /// The ids the runtime has states of.
  var ids: [String] { Files.names(states).filter { $0 != ".cache" } }

  /// Whether nothing of the container is left: processes, cgroups, mounts, states. Processes that were killed get a
  /// moment to end.
  ///
  /// - Parameter own: mounts that the test itself has made.
  func expectNothingLeft(mounts own: [String] = [], sourceLocation: SourceLocation = #_sourceLocation) {
    _ = waitUntil {
      Children.shared.reapOrphans()
      return Processes.marked(marker).isEmpty
    }
    let processes = Processes.marked(marker).map { pid in
      "\(pid) \((try? Files.read("/proc/\(pid)/cmdline").replacingOccurrences(of: "\0", with: " ")) ?? "")"
    }
    #expect(processes == [], "processes are left", sourceLocation: sourceLocation)
    #expect(Hierarchies.existing(cgroupsPath) == [], "cgroups are left", sourceLocation: sourceLocation)
    #expect(mounts(below: directory) == own, "mounts are left", sourceLocation: sourceLocation)
    #expect(ids == [], "states are left", sourceLocation: sourceLocation)
  }

  /// Deletes the containers the test has made, looks for what is left, and removes even that.
  fileprivate func end(sourceLocation: SourceLocation) {
    for id in ids {
      // A process of `exec --detach` is reaped by its caller's reaper, and before it is the container does not end.
      guard let delete = try? begin(["delete", "--force", id]) else { continue }
      _ = waitUntil {
        Children.shared.reapOrphans()
        return delete.hasEnded
      }
      guard let outcome = try? delete.finish() else { continue }
      #expect(outcome.status == 0, "delete --force \(id): \(outcome)", sourceLocation: sourceLocation)
    }
    expectNothingLeft(sourceLocation: sourceLocation)
    for pid in Processes.marked(marker) { kill(pid, SIGKILL) }
    _ = waitUntil {
      Children.shared.reapOrphans()
      return Processes.marked(marker).isEmpty
    }
    for point in mounts(below: directory).reversed() { umount2(point, Int32(MNT_DETACH)) }
    for cgroup in Hierarchies.existing(cgroupsPath) { Hierarchies.remove(cgroup) }
    Files.removeTree(directory)
  }
}

/// Gives the test a bundle, and looks afterwards that nothing of its containers is left.
///
/// A container that still exists is deleted by force first; where `create` fails, there must be none.
func withBundle(sourceLocation: SourceLocation = #_sourceLocation, _ body: (Bundle) throws -> Void) throws {
  let bundle = try Bundle()
  defer { bundle.end(sourceLocation: sourceLocation) }
  try body(bundle)
}

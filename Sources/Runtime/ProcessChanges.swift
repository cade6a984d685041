import JSON
import Linux
import OCI

/// What the options of `exec` change in the document of its process.
public struct ProcessChanges {
  /// The program and its arguments; empty: the document's.
  public var arguments: [String] = []
  public var cwd: String?
  /// `NAME=VALUE`, in the place of variables of that name.
  public var environment: [String] = []
  public var terminal = false
  public var uid: UInt32?
  public var gid: UInt32?
  /// Besides the document's.
  public var additionalGroups: [UInt32] = []
  /// Besides the document's, in the bounding, effective and permitted sets.
  public var capabilities: [String] = []
  public var selinuxLabel: String?
  public var apparmorProfile: String?
  public var noNewPrivileges = false

  public init() {}

  func apply(to process: inout Config.Process) throws(Failure) {
    if !arguments.isEmpty { process.args = arguments }
    if let cwd { process.cwd = cwd }
    if terminal { process.terminal = true }
    if let uid { process.user.uid = uid }
    if let gid { process.user.gid = gid }
    process.user.additionalGids += additionalGroups
    if let selinuxLabel { process.selinuxLabel = selinuxLabel }
    if let apparmorProfile { process.apparmorProfile = apparmorProfile }
    if noNewPrivileges { process.noNewPrivileges = true }
    addVariables(to: &process.env)
    if capabilities.isEmpty { return }
    var sets = process.capabilities ?? Config.Process.Capabilities()
    sets.bounding += capabilities
    sets.effective += capabilities
    sets.permitted += capabilities
    process.capabilities = sets
  }

  private func addVariables(to variables: inout [String]) {
    if environment.isEmpty { return }
    // With the equals sign: `A=` is no beginning of `AB=`.
    let names = environment.map { entry in entry.prefix { $0 != "=" } + "=" }
    variables.removeAll { variable in names.contains { variable.hasPrefix($0) } }
    variables += environment
  }
}

extension ExecOptions {
  /// The document of the process: that of the file, or the container's, with the changes made.
  ///
  /// What a file says nothing about is as the container's process has it: a process must not get more than that because its
  /// document is short.
  func process(in config: Config) throws(Failure) -> Config.Process {
    var process: Config.Process
    if let processFile {
      guard changes.arguments.isEmpty else {
        throw Failure("--process \"" + processFile + "\" and a command are given; one of them names the program")
      }
      process = try ExecOptions.load(processFile)
      if let own = config.process { process.completeMissing(from: own) }
    } else {
      process = config.process ?? Config.Process(cwd: "/")
      process.args = []
      // That of the container's process is its own.
      process.terminal = false
    }
    try changes.apply(to: &process)
    let errors = process.validate().filter { $0.severity == .error }.map { $0.description }
    if !errors.isEmpty { throw Failure((processFile.map { $0 + ": " } ?? "") + errors.joined(separator: "; ")) }
    return process
  }

  private static func load(_ path: String) throws(Failure) -> Config.Process {
    let bytes = try step("--process") { () throws(SystemError) in try readDocument(path) }
    do {
      return try Config.Process(json: bytes, file: path == "-" ? "standard input" : path)
    } catch {
      throw Failure(error.description)
    }
  }
}

extension Config.Process {
  fileprivate mutating func completeMissing(from other: Config.Process) {
    if capabilities == nil { capabilities = other.capabilities }
    if rlimits.isEmpty { rlimits = other.rlimits }
    if apparmorProfile == nil { apparmorProfile = other.apparmorProfile }
    if selinuxLabel == nil { selinuxLabel = other.selinuxLabel }
    if oomScoreAdj == nil { oomScoreAdj = other.oomScoreAdj }
    if ioPriority == nil { ioPriority = other.ioPriority }
    if scheduler == nil { scheduler = other.scheduler }
    if execCPUAffinity == nil { execCPUAffinity = other.execCPUAffinity }
  }
}

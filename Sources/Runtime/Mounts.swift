import Cgroups
import JSON
import Linux
import OCI
import Sandbox

extension ContainerStore {
  /// Mounts more into a running container, or nothing where one of the mounts fails.
  ///
  /// - Parameter file: JSON, like `mounts` of config.json: the array, or an object that has it. Sources are the host's paths, and
  ///   relative ones start at the bundle.
  public func addMounts(_ id: ContainerID, file: String) throws(Failure) {
    try requireSeal()
    let container = try find(id)
    var sandbox = try container.sandboxWithoutMounts()
    for (index, mount) in try readMounts(file, from: container).enumerated() {
      var plan = try MountPlan(mount, index: index, bundle: container.record.state.bundle, file: file)
      if plan.exceedsContext {
        throw Failure(plan.name + ": an option is longer than the 255 bytes that a mount in a running container takes")
      }
      // Made here, where the host's files are, and attached there.
      plan.isPrivate = true
      sandbox.rootfs.mounts.append(plan)
    }
    let prepared = PreparedMounts()
    try prepared.make(for: &sandbox)
    let cgroup = try container.cgroup()
    let change = MountChange(
      added: sandbox.rootfs, cgroups: try CgroupView(of: cgroup, planned: cgroup, sandbox))
    try withExtendedLifetime(prepared) { () throws(Failure) in try container.carryOut(change, sandbox.namespaces) }
  }

  /// Unmounts what is mounted at the destinations of the file, the last first.
  public func removeMounts(_ id: ContainerID, file: String) throws(Failure) {
    try requireSeal()
    let container = try find(id)
    let sandbox = try container.sandboxWithoutMounts()
    var change = MountChange(added: sandbox.rootfs, cgroups: CgroupView(.none, inNamespace: false, isOwn: true))
    change.removed = try readMounts(file).map { $0.destination }
    try container.carryOut(change, sandbox.namespaces)
  }
}

extension Container {
  /// The container's plan, of whose root nothing is to be made any more.
  fileprivate func sandboxWithoutMounts() throws(Failure) -> SandboxPlan {
    if try !record.isAlive { throw notRunning }
    var config = try config()
    config.mounts = []
    var sandbox = try SandboxPlan(config, bundle: record.state.bundle, usesPivotRoot: true)
    guard sandbox.namespaces.created.contains(.mount) else {
      throw Failure("container \"" + id.text + "\" has no mount namespace of its own")
    }
    sandbox.rootfs.readOnly = false
    return sandbox
  }

  /// Lets a process enter the container, change its mounts and end.
  fileprivate func carryOut(_ change: MountChange, _ namespaces: NamespacePlan) throws(Failure) {
    guard let target = try process() else { throw notRunning }
    var plan = JoinPlan(
      container: target.descriptor.number, pid: record.state.pid ?? 0, namespaces: try joined(namespaces),
      keyring: nil, process: .none)
    plan.mountChange = change
    var running = RunningInit(cgroup: .disabled)
    defer { running.abandon() }
    do throws(Failure) {
      let pair = try step("socket") { () throws(SystemError) in try Socket.pairNumbers() }
      let socket = Socket(Descriptor(taking: pair.first))
      running.started = try step("join") { () throws(SystemError) in
        defer { _ = Descriptor(taking: pair.second) }
        return try startJoined(plan, InitChannels(parent: pair.second))
      }
      if case .intermediate = running.started { try running.awaitPID(socket) }
      guard try running.message(socket) == .created else { throw RunningInit.confused }
    } catch {
      throw error.errno == .noSuchProcess ? notRunning : error
    }
  }
}

/// Reads mounts and checks them, as those of the container's configuration.
private func readMounts(_ file: String, from container: borrowing Container) throws(Failure) -> [Config.Mount] {
  var config = try container.config()
  config.mounts = try readMounts(file)
  let errors = config.validate().filter { $0.severity == .error }.map { $0.description }
  if !errors.isEmpty { throw Failure(file + ": " + errors.joined(separator: "; ")) }
  return config.mounts
}

private func readMounts(_ file: String) throws(Failure) -> [Config.Mount] {
  let bytes = try step("mounts") { () throws(SystemError) in try readFile(file) }
  do {
    let root = try JSON.Document(bytes, file: file).root
    guard root.isArray else { return try root.object().objects("mounts", Config.Mount.init) }
    var mounts: [Config.Mount] = []
    for element in try root.elements() { mounts.append(try Config.Mount(element.object())) }
    return mounts
  } catch {
    throw Failure(error.description)
  }
}

import Cgroups
import Linux
import OCI
import Sandbox
import Seccomp

/// What this kernel, these privileges and this cgroup set-up cannot do of what a configuration asks for. It is tried or looked up, never
/// guessed from versions.
struct MachineCheck {
  let config: Config
  let bundle: String
  var inspection: Inspection
  private let linux: Config.Linux
  private let permitted: CapabilitySet
  /// Whether the container gets a user namespace of its own: by the configuration, or because the caller is an ordinary user
  /// (``SandboxPlan/addUserNamespace(warn:)``).
  private let makesUserNamespace: Bool

  init(config: Config, bundle: String, inspection: Inspection) {
    self.config = config
    self.bundle = bundle
    self.inspection = inspection
    linux = config.linux ?? Config.Linux()
    permitted = (try? Credentials.capabilities().permitted) ?? []
    makesUserNamespace = linux.creates(.user) || CurrentProcess.effectiveUID != 0 && !linux.has(.user)
  }

  mutating func run(in store: ContainerStore) {
    checkRoot()
    for index in config.mounts.indices { checkMount(index) }
    checkHooks()
    checkNamespaces()
    checkProcess()
    checkDevices()
    checkSysctl()
    checkSeccomp(store)
    checkKernelFeatures()
    checkLimits(store)
  }

  // MARK: telling

  private mutating func error(_ path: String, _ message: String, hint: String? = nil) {
    inspection.add(Problem(.error, path, message, hint: hint))
  }

  private mutating func warn(_ path: String, _ message: String, hint: String? = nil) {
    inspection.add(Problem(.warning, path, message, hint: hint))
  }

  /// A failure as a problem with `path`, or with what it names itself.
  private mutating func add(_ failure: Failure, at path: String) {
    var text = failure.message
    for prefix in ["config.json: ", "cgroup: "] where text.hasPrefix(prefix) {
      text = String(text.dropFirst(prefix.utf8.count))
    }
    guard text.hasPrefix(path), let colon = text.utf8.firstIndex(of: UInt8(ascii: ":")) else {
      return error(path, text)
    }
    error(String(text[..<colon]), String(text[colon...].dropFirst(2)))
  }

  private mutating func attempt(_ path: String, _ body: () throws(Failure) -> Void) {
    if inspection.hasError(at: path) { return }
    do throws(Failure) { try body() } catch { add(error, at: path) }
  }

  // MARK: the root file system

  private var rootfs: String? { config.root.map { absolute($0.path, in: bundle) } }

  private mutating func checkRoot() {
    guard let rootfs, !inspection.hasError(at: "root.path") else { return }
    do throws(SystemError) {
      if try !fileStatus(rootfs).isDirectory { error("root.path", "\"" + rootfs + "\" is not a directory") }
    } catch {
      self.error("root.path", error.description)
    }
  }

  private mutating func checkMount(_ index: Int) {
    let path = "mounts[" + String(index) + "]"
    if inspection.hasError(at: path) { return }
    let plan: MountPlan
    do throws(Failure) {
      plan = try MountPlan(config.mounts[index], index: index, bundle: bundle)
    } catch {
      return add(error, at: path)
    }
    if !plan.ignored.isEmpty {
      warn(
        path + ".options",
        "\"" + plan.ignored.joined(separator: "\", \"") + "\" changes nothing: a bind has no file system")
    }
    switch plan.source {
    case .bind(let source, _):
      do throws(SystemError) { _ = try fileStatus(source, follows: plan.followsSource) } catch {
        self.error(path + ".source", error.description)
      }
    case .fileSystem(let type, _):
      do throws(SystemError) {
        _ = try FileSystemContext(type)
      } catch {
        // Without rights nothing is learned here: a user namespace may have them.
        if error.errno == .noSuchDevice {
          self.error(path + ".type", "this kernel has no file system \"" + type + "\"")
        }
      }
    case .cgroup, .remount: break
    }
  }

  // MARK: programs

  private mutating func checkHooks() {
    guard let hooks = config.hooks else { return }
    // startContainer hooks are looked for inside, by the time they run.
    checkHooks(hooks.prestart, "hooks.prestart")
    checkHooks(hooks.createRuntime, "hooks.createRuntime")
    checkHooks(hooks.createContainer, "hooks.createContainer")
    checkHooks(hooks.poststart, "hooks.poststart")
    checkHooks(hooks.poststop, "hooks.poststop")
  }

  private mutating func checkHooks(_ hooks: [Config.Hook], _ name: String) {
    for (index, hook) in hooks.enumerated() {
      let path = name + "[" + String(index) + "].path"
      if inspection.hasError(at: path) { continue }
      do throws(SystemError) { try checkExecutable(hook.path) } catch { self.error(path, error.description) }
    }
  }

  private mutating func checkProcess() {
    guard let process = config.process else { return }
    checkProgram(process)
    checkCapabilities(process)
    checkRlimits(process)
    if let score = process.oomScoreAdj, !permitted.contains(.sysResource), let own = ownScore, score < own {
      error(
        "process.oomScoreAdj", "the caller's is " + String(own) + ", and lowering it needs CAP_SYS_RESOURCE",
        hint: "leave it out, or write a number from " + String(own) + " to 1000")
    }
    attempt("process.apparmorProfile") { () throws(Failure) in try checkAppArmor(process.apparmorProfile) }
    attempt("process.selinuxLabel") { () throws(Failure) in
      try checkSELinux(process.selinuxLabel, property: "process.selinuxLabel")
    }
  }

  private var ownScore: Int32? {
    guard let bytes = try? readFile("/proc/self/oom_score_adj") else { return nil }
    return Int32(String(decoding: bytes.filter { $0 > 32 }, as: UTF8.self))
  }

  /// A warning only: a mount or a hook may still bring the program.
  private mutating func checkProgram(_ process: Config.Process) {
    guard let rootfs, let name = process.args.first, !name.isEmpty, !inspection.hasError(at: "process.args"),
      !inspection.hasError(at: "root.path"), let directory = try? openFile(rootfs, [.path, .directory])
    else { return }
    let root = Root(directory)
    var candidates = [name]
    if !name.utf8.contains(UInt8(ascii: "/")) {
      let search = process.env.last { $0.hasPrefix("PATH=") }.map { $0.dropFirst(5) } ?? "/bin:/usr/bin"
      candidates = search.split(separator: ":").map { $0 + "/" + name }
    } else if !name.hasPrefix("/") {
      candidates = [process.cwd + "/" + name]
    }
    for path in candidates where (try? root.open(path)) != nil { return }
    warn(
      "process.args[0]", "\"" + name + "\" is not in the root file system",
      hint: "unless a mount brings it, the container cannot start")
  }

  private mutating func checkCapabilities(_ process: Config.Process) {
    guard let sets = process.capabilities, !linux.has(.user), !makesUserNamespace else { return }
    let missing = CapabilityPlan(sets).all.subtracting(permitted)
    if missing.isEmpty { return }
    warn(
      "process.capabilities",
      missing.memberNames.joined(separator: ", ") + " cannot be granted: the caller does not have it")
  }

  private mutating func checkRlimits(_ process: Config.Process) {
    if permitted.contains(.sysResource) { return }
    for (index, limit) in process.rlimits.enumerated() {
      let path = "process.rlimits[" + String(index) + "]"
      guard !inspection.hasError(at: path), let plan = try? LimitPlan(limit),
        let own = try? CurrentProcess.hardLimit(plan.resource), plan.hard > own
      else { continue }
      error(
        path + ".hard", "the caller's own is " + String(own) + ", and raising it needs CAP_SYS_RESOURCE",
        hint: "write at most " + String(own))
    }
  }

  // MARK: the kernel

  private mutating func checkNamespaces() {
    for (index, namespace) in linux.namespaces.enumerated() {
      let path = "linux.namespaces[" + String(index) + "]"
      if inspection.hasError(at: path) { continue }
      if !pathExists("/proc/self/ns/" + namespace.type.flag.fileName) {
        error(path + ".type", "this kernel has no " + namespace.type.rawValue + " namespaces")
      }
      if let file = namespace.path, !file.isEmpty, !pathExists(file) {
        error(path + ".path", "\"" + file + "\": No such file or directory")
      }
    }
    if makesUserNamespace, let limit = try? readFile("/proc/sys/user/max_user_namespaces"),
      limit.first == UInt8(ascii: "0")
    {
      error(
        "linux.namespaces", "no user namespace may be made here",
        hint: "the sysctl user.max_user_namespaces is 0")
    }
  }

  private mutating func checkDevices() {
    for (index, device) in linux.devices.enumerated() {
      attempt("linux.devices[" + String(index) + "]") { () throws(Failure) in _ = try DevicePlan(device, index: index) }
    }
  }

  private mutating func checkSysctl() {
    for entry in linux.sysctl where !pathExists("/proc/sys/" + Config.Linux.sysctlPath(entry.key)) {
      let path = "linux.sysctl[\"" + entry.key + "\"]"
      if !inspection.hasError(at: path) { error(path, "this kernel has no such parameter") }
    }
  }

  private mutating func checkSeccomp(_ store: ContainerStore) {
    let config = config
    attempt("linux.seccomp") { () throws(Failure) in _ = try config.seccompProgram() }
  }

  private mutating func checkKernelFeatures() {
    if linux.memoryPolicy != nil, !pathExists("/proc/self/numa_maps") {
      error("linux.memoryPolicy", "this kernel has no memory policies (CONFIG_NUMA)")
    }
    let (config, bundle, label) = (config, bundle, linux.mountLabel)
    attempt("linux.mountLabel") { () throws(Failure) in try checkSELinux(label, property: "linux.mountLabel") }
    if let settings = linux.intelRdt {
      attempt("linux.intelRdt") { () throws(Failure) in
        _ = try ResourceControl(settings, id: "check", root: ResourceControl.mountPoint())
      }
    }
    if inspection.problems.allSatisfy({ $0.problem.severity != .error }) {
      // The rest of what compiling says: seen one by one above where there are many of a kind.
      attempt("") { () throws(Failure) in
        try SandboxPlan(config, bundle: bundle, usesPivotRoot: true).checkMountNamespace()
      }
    }
  }

  // MARK: limits

  /// Every kind of limit on a cgroup of its own: the kernel's answer is the only one that counts.
  private mutating func checkLimits(_ store: ContainerStore) {
    guard let resources = linux.resources, !inspection.hasError(at: "linux.resources") else { return }
    var parts: [(String, Config.Linux.Resources)] = [
      ("linux.resources.devices", .init(devices: resources.devices)),
      ("linux.resources.memory", .init(memory: resources.memory)),
      ("linux.resources.cpu", .init(cpu: resources.cpu)),
      ("linux.resources.pids", .init(pids: resources.pids)),
      ("linux.resources.blockIO", .init(blockIO: resources.blockIO)),
      ("linux.resources.network", .init(network: resources.network)),
      ("linux.resources.rdma", .init(rdma: resources.rdma)),
      ("linux.resources.unified", .init(unified: resources.unified)),
    ]
    for (index, limit) in resources.hugepageLimits.enumerated() {
      parts.append(("linux.resources.hugepageLimits[" + String(index) + "]", .init(hugepageLimits: [limit])))
    }
    parts.removeAll { $0.1 == Config.Linux.Resources() }
    if parts.isEmpty { return }
    let cgroup: Cgroup
    do throws(Failure) {
      cgroup = try temporaryCgroup(store)
    } catch {
      return add(error, at: "linux.cgroupsPath")
    }
    for (path, part) in parts { attempt(path) { () throws(Failure) in try cgroup.apply(part) } }
    do throws(Failure) { try cgroup.remove() } catch { add(error, at: "linux.cgroupsPath") }
  }

  /// Beside where the container's would be, if that place is there already: nothing has to be made above it. systemd's paths are
  /// no paths: with it, at the top.
  private func temporaryCgroup(_ store: ContainerStore) throws(Failure) -> Cgroup {
    if store.options.cgroupManager == .disabled { return .disabled }
    let layout = try CgroupLayout.detect()
    let name = "apus-check-" + String(CurrentProcess.pid)
    let wanted = store.options.cgroupManager == .systemd ? "/" : linux.cgroupsPath ?? "/"
    var path = wanted.hasPrefix("/") ? "/" + name : name
    let parent = splitPath(wanted).parent
    if wanted.hasPrefix("/"), parent != "/", try Cgroup(path: parent, in: layout).exists { path = parent + "/" + name }
    var cgroup = try Cgroup(path: path, in: layout)
    try cgroup.create()
    return cgroup
  }
}

extension Config.Linux {
  /// Whether a namespace of that kind is made and not joined.
  fileprivate func creates(_ type: Config.NamespaceType) -> Bool {
    namespaces.contains { $0.type == type && ($0.path ?? "").isEmpty }
  }
}

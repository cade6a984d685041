import Cgroups
import Linux
import OCI
import Sandbox

/// The side effects of a creation that must be undone when it fails: the cgroup, the resctrl group and the process.
struct RunningInit {
  var cgroup: Cgroup
  var started: StartedInit?
  private var hasCgroup = false
  private var netDevices: NetDevices?
  /// The resctrl group, once it was made.
  private(set) var resourceControl: ResourceControl?
  /// Whether a hook may have run, or the container was complete: from then on poststop hooks belong to its end.
  var hasReachedHooks = false

  init(cgroup: Cgroup) { self.cgroup = cgroup }

  /// Makes the cgroup. An ordinary user's container does without where the user may make none, unless it asks for limits.
  mutating func createCgroup(for limits: Config.Linux.Resources?, _ options: RuntimeOptions) throws(Failure) {
    if cgroup.hierarchies.isEmpty { return }
    do throws(Failure) {
      try cgroup.create()
    } catch {
      let isForbidden = error.errno == .permissionDenied || error.errno == .readOnlyFileSystem
      guard isForbidden, options.isRootless else { throw error }
      try cgroup.create(whereAllowed: true)
      if cgroup.hierarchies.isEmpty {
        if let limits, limits.withoutDevices != Config.Linux.Resources() { throw error }
        options.remark(error.message + "; the container has no cgroup of its own")
      }
    }
    hasCgroup = true
  }

  /// Moves network devices of the host into the container's namespace.
  mutating func move(_ devices: OrderedMap<Config.NetDevice>, to namespace: String) throws(Failure) {
    let moving = try NetDevices(into: namespace)
    try moving.move(devices)
    netDevices = moving
  }

  /// Makes the resctrl group.
  mutating func create(_ control: ResourceControl?, _ settings: Config.IntelRdt?) throws(Failure) {
    guard let control, let settings else { return }
    try control.create(settings)
    resourceControl = control
  }

  /// The container process; 0 while an intermediate process has not told.
  var pid: Int32 {
    if case .container(let pid) = started { return pid }
    return 0
  }

  /// An intermediate process makes the container process, tells of it and ends.
  mutating func awaitPID(_ socket: borrowing Socket) throws(Failure) {
    guard case .hasPID(let pid) = try message(socket) else { throw RunningInit.confused }
    try intermediateHasMade(pid)
  }

  private mutating func intermediateHasMade(_ pid: Int32) throws(Failure) {
    if case .intermediate(let own) = started {
      _ = try step("container process") { () throws(SystemError) in try waitForChild(own) }
    }
    started = .container(pid: pid)
  }

  /// What two programs of one build never say to each other.
  static let confused = Failure("the container process ended without a word")

  /// The next message of the container process; its failure is thrown as ours.
  ///
  /// The wait is bounded by the process's life: when it ends, its end of the socket closes.
  func message(_ socket: borrowing Socket) throws(Failure) -> ChildMessage {
    let bytes: [UInt8]
    do {
      bytes = try socket.receive(upTo: ChildMessage.maximumSize).bytes
    } catch {
      throw error.errno == .connectionReset ? ended() : Failure("container process", error)
    }
    guard let message = ChildMessage(bytes) else { throw ended() }
    if case .failed(let text, let errno) = message {
      throw Failure(text, errno: errno == 0 ? nil : Errno(rawValue: errno))
    }
    return message
  }

  /// Tells the process what it waits for.
  func tell(_ message: ParentMessage, _ socket: borrowing Socket) throws(Failure) {
    do {
      try socket.send(message)
    } catch {
      // The process has ended: what it said before tells why.
      guard error.errno == .brokenPipe || error.errno == .connectionReset else {
        throw Failure("container process", error)
      }
    }
  }

  /// Why the process said nothing: most often the kernel has killed it.
  private func ended() -> Failure {
    guard pid > 0, let status = try? waitForChild(pid) else { return RunningInit.confused }
    if case .signaled(9) = status {
      return Failure("the container process was killed while it was set up; is the memory limit too low?")
    }
    return RunningInit.confused
  }

  /// Ends and removes everything.
  func abandon() {
    // While the namespace is there: with it they would go, too.
    netDevices?.giveBack()
    switch started {
    case .container(let pid)?, .intermediate(let pid)?:
      try? signalProcess(pid, Signal.kill.number)
      _ = try? waitForChild(pid)
    case nil: break
    }
    if hasCgroup {
      try? cgroup.kill()
      try? cgroup.remove()
    }
    try? resourceControl?.remove()
  }
}

/// The way of the terminal's master from the container process: to the caller's socket, or back to us.
struct TerminalChannel: ~Copyable {
  private(set) var sender: Int32
  private let receiver: Int32
  /// The master of the terminal, once it was received; -1: none, or not for us.
  private(set) var master: Int32 = -1

  /// - Parameters: descriptors to take; -1: none.
  private init(sender: Int32 = -1, receiver: Int32 = -1) {
    self.sender = sender
    self.receiver = receiver
  }

  /// For a process that has a terminal: to the caller's socket, or one of our own when we relay it ourselves.
  init(for process: ProcessPlan, consoleSocket: String?) throws(Failure) {
    guard process.terminal else {
      self.init()
      return
    }
    if let path = consoleSocket {
      let sender = try step("--console-socket") { () throws(SystemError) in
        try Socket.connect(stream: path).descriptor.duplicate().release()
      }
      self.init(sender: sender)
      return
    }
    let numbers = try step("terminal") { () throws(SystemError) in try Socket.pairNumbers() }
    self.init(sender: numbers.second, receiver: numbers.first)
  }

  deinit {
    if sender >= 0 { _ = Descriptor(taking: sender) }
    if receiver >= 0 { _ = Descriptor(taking: receiver) }
    if master >= 0 { _ = Descriptor(taking: master) }
  }

  /// The container process has its own copy.
  mutating func closeSender() {
    if sender >= 0 { _ = Descriptor(taking: sender) }
    sender = -1
  }

  /// Passes a master on that came another way.
  func forward(_ master: consuming Descriptor) throws(Failure) {
    guard sender >= 0 else { return }
    try step("terminal") { () throws(SystemError) in
      try withBorrowed(sender) { (file) throws(SystemError) in
        try Socket(file.duplicate()).send(Array("/dev/ptmx".utf8), descriptor: master.number)
      }
    }
  }

  /// Takes the master, if it comes to us.
  mutating func receiveMaster() throws(Failure) {
    guard receiver >= 0 else { return }
    master = try step("terminal") { () throws(SystemError) in
      try receiveDescriptor(from: receiver)?.release() ?? -1
    }
    if master < 0 { throw Failure("terminal: the container process sent none") }
    // Before the program runs, which may look at once.
    try step("terminal") { () throws(SystemError) in try TerminalRelay(master: master).copySize() }
  }
}

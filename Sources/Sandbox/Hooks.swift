import JSON
import Linux
import OCI

/// The six points at which the specification calls programs (config.md, "POSIX-platform Hooks").
public enum HookKind: String, Sendable {
  case prestart, createRuntime, createContainer, startContainer, poststart, poststop

  /// What the state passed to the hook says.
  var status: State.Status {
    switch self {
    // These run behind step 2 of the life, which is what "creating" stands for (runtime.md, "State" and "Lifecycle").
    case .prestart, .createRuntime, .createContainer, .startContainer: return .created
    case .poststart: return .running
    case .poststop: return .stopped
    }
  }
}

/// A container's hooks, and what they are told.
public struct ContainerHooks: Sendable {
  public var hooks: Config.Hooks
  /// Status and pid are filled in for each hook.
  public var state: State
  private var output: HookOutput?

  public init(_ hooks: Config.Hooks, state: State) {
    self.hooks = hooks
    self.state = state
  }

  /// Opens the files that get what the hooks print (`run.oci.hooks.stdout`, `run.oci.hooks.stderr`): files of the host,
  /// for the hooks that run inside the container, too.
  public mutating func openOutput() throws(Failure) {
    if hooks == Config.Hooks() { return }
    let paths = (state.annotations["run.oci.hooks.stdout"], state.annotations["run.oci.hooks.stderr"])
    if paths.0 != nil || paths.1 != nil { output = try HookOutput(standard: paths.0, error: paths.1) }
  }

  /// What a container process needs to keep for its hooks.
  var descriptors: [Int32] { output.map { [$0.standard, $0.error].filter { $0 >= 0 } } ?? [] }

  public subscript(kind: HookKind) -> [Config.Hook] {
    switch kind {
    case .prestart: return hooks.prestart
    case .createRuntime: return hooks.createRuntime
    case .createContainer: return hooks.createContainer
    case .startContainer: return hooks.startContainer
    case .poststart: return hooks.poststart
    case .poststop: return hooks.poststop
    }
  }

  /// Runs the hooks of one kind in order, in the runtime's namespaces; the first failure ends it.
  ///
  /// - Parameter pid: the container process as these namespaces see it.
  public func run(_ kind: HookKind, pid: Int32) throws(Failure) {
    for index in self[kind].indices { try run(kind, index, pid: pid) }
  }

  /// The same in the container, by its process.
  func run(_ kind: HookKind, inside process: ProcessPlan) throws(Failure) {
    for index in self[kind].indices {
      try run(kind, index, pid: CurrentProcess.pid, inside: process)
    }
  }

  /// Runs every hook of one kind, whatever happens to the others; returns what failed.
  public func runAll(_ kind: HookKind, pid: Int32) -> [Failure] {
    var failures: [Failure] = []
    for index in self[kind].indices {
      do { try run(kind, index, pid: pid) } catch { failures.append(error) }
    }
    return failures
  }

  private func run(_ kind: HookKind, _ index: Int, pid: Int32, inside process: ProcessPlan? = nil) throws(Failure) {
    var told = state
    told.status = kind.status
    told.pid = pid
    let hook = self[kind][index]
    let name = kind.rawValue + " hook #" + String(index) + " \"" + hook.path + "\""
    try HookRun(
      hook: hook, name: name, environment: hook.env ?? process?.environment ?? Environment.all,
      directory: process == nil ? state.bundle : nil, output: output
    ).run(Writer.encode(told))
  }
}

/// Open files that get what hooks print; -1: none.
private final class HookOutput: Sendable {
  let standard: Int32
  let error: Int32

  init(standard: String?, error: String?) throws(Failure) {
    self.standard = try HookOutput.open(standard, "run.oci.hooks.stdout")
    self.error = try HookOutput.open(error, "run.oci.hooks.stderr")
  }

  deinit {
    for number in [standard, error] where number >= 0 { _ = Descriptor(taking: number) }
  }

  private static func open(_ path: String?, _ annotation: String) throws(Failure) -> Int32 {
    guard let path, !path.isEmpty else { return -1 }
    return try step("annotation " + annotation) { () throws(SystemError) in
      try openFile(path, [.writeOnly, .create, .append], mode: 0o600).release()
    }
  }
}

/// One call of one hook.
private struct HookRun {
  let hook: Config.Hook
  let name: String
  let environment: [String]
  /// Where it runs, with the host's processes in sight; `nil`: where the caller is.
  let directory: String?
  let output: HookOutput?

  private struct Outcome {
    var status: ExitStatus
    var timedOut: Bool
    var printed: [UInt8]
  }

  func run(_ state: [UInt8]) throws(Failure) {
    var ended: Outcome?
    try step(name) { () throws(SystemError) in
      let input = try Descriptor.memory("state", state)
      let pipe = try Descriptor.pipe()
      let reader = Descriptor(taking: pipe.reader)
      let writer = Descriptor(taking: pipe.writer)
      guard case .parent(let pid) = try clone(into: []) else { return become(input, writer) }
      // Our copy goes: the end of file comes when the hook and its children have closed theirs.
      _ = consume writer
      do throws(SystemError) {
        ended = try watch(pid, reader)
      } catch {
        kill(pid)
        _ = try? waitForChild(pid)
        throw error
      }
    }
    if let ended { try judge(ended) }
  }

  private func judge(_ ended: Outcome) throws(Failure) {
    if case .exited(HookRun.notExecutable) = ended.status, ended.printed.first == HookRun.mark {
      throw Failure(name + ": " + oneLine(ended.printed.dropFirst()))
    }
    let said = ended.printed.isEmpty ? "" : ": " + oneLine(ended.printed[...])
    if ended.timedOut { throw Failure(name + ": timed out after " + String(hook.timeout ?? 0) + " s, killed" + said) }
    switch ended.status {
    case .exited(0): return
    case .exited(let code): throw Failure(name + ": exit status " + String(code) + said)
    case .signaled(let signal): throw Failure(name + ": killed by signal " + String(signal) + said)
    }
  }

  // MARK: waiting

  /// Reads what the hook prints until it has ended or its time is over.
  private func watch(_ pid: Int32, _ reader: borrowing Descriptor) throws(SystemError) -> Outcome {
    var printed: [UInt8] = []
    let process = try PIDFD(pid)
    let deadline = hook.timeout.map { Clock.monotonicMilliseconds() &+ $0.multipliedClamped(by: 1000) }
    var isOpen = true
    var timedOut = false
    while true {
      var left: Int32 = -1
      if let deadline { left = Int32(clamping: max(0, deadline &- Clock.monotonicMilliseconds())) }
      let seen = try poll(
        [Polled(process.descriptor.number, .readable), Polled(isOpen ? reader.number : -1, .readable)],
        milliseconds: left)
      if seen[1].isReady { isOpen = try keep(reader, &printed) }
      // Its children may print for ever: its own end and its time count.
      if seen[0].isReady { break }
      if let deadline, Clock.monotonicMilliseconds() >= deadline {
        timedOut = true
        kill(pid)
        break
      }
    }
    let status = try waitForChild(pid)
    try drain(reader, &printed)
    return Outcome(status: status, timedOut: timedOut, printed: printed)
  }

  /// What a hook printed last is kept to this many bytes, for the message.
  private static let keptOutput = 2048

  /// Reads once; `false` at the end.
  private func keep(_ reader: borrowing Descriptor, _ printed: inout [UInt8]) throws(SystemError) -> Bool {
    let bytes = try reader.read(upTo: 4096)
    printed += bytes
    if printed.count > HookRun.keptOutput { printed.removeFirst(printed.count - HookRun.keptOutput) }
    return !bytes.isEmpty
  }

  /// Reads what the hook has left in the pipe: no more than a pipe holds, for others may still write.
  private func drain(_ reader: borrowing Descriptor, _ printed: inout [UInt8]) throws(SystemError) {
    for _ in 0..<16 {
      guard try poll([Polled(reader.number, .readable)], milliseconds: 0)[0].isReady else { return }
      guard try keep(reader, &printed) else { return }
    }
  }

  /// The hook leads a process group: its children go with it, and those that have left the group where we see them.
  private func kill(_ pid: Int32) {
    let others = directory == nil ? [] : descendants(of: pid)
    try? signalProcess(-pid, Signal.kill.number)
    for one in [pid] + others { try? signalProcess(one, Signal.kill.number) }
  }

  // MARK: the hook's process

  /// What tells our own words, when there was nothing to execute, from those of a hook.
  private static let mark: UInt8 = 0
  private static let notExecutable: Int32 = 255

  /// In the child: becomes the hook. Never comes back; the type does not say so because the caller owns descriptors.
  private func become(_ input: borrowing Descriptor, _ writer: borrowing Descriptor) {
    do {
      // A hook serves a command, and does not outlive it.
      try CurrentProcess.setParentDeathSignal(Signal.kill.number)
      try CurrentProcess.startSession()
      try input.install(as: 0)
      try install(output?.standard ?? -1, or: writer, as: 1)
      try install(output?.error ?? -1, or: writer, as: 2)
      try Descriptor.closeOnExec(from: 3)
      SignalReader.reset()
      if let directory { try CurrentProcess.changeDirectory(directory) }
      try CurrentProcess.execute(hook.path, hook.args.isEmpty ? [hook.path] : hook.args, environment: environment)
    } catch {
      try? writer.write([HookRun.mark] + Array(error.description.utf8))
    }
    CurrentProcess.exit(HookRun.notExecutable)
  }

  private func install(_ file: Int32, or writer: borrowing Descriptor, as number: Int32) throws(SystemError) {
    if file < 0 { return try writer.install(as: number) }
    try withBorrowed(file) { (file) throws(SystemError) in try file.install(as: number) }
  }

  private func oneLine(_ bytes: ArraySlice<UInt8>) -> String {
    var text = String(decoding: bytes.map { $0 < 32 || $0 == 127 ? 32 : $0 }, as: UTF8.self)
    while text.hasSuffix(" ") { text.removeLast() }
    return text
  }
}

extension Int64 {
  fileprivate func multipliedClamped(by other: Int64) -> Int64 {
    let (product, overflow) = multipliedReportingOverflow(by: other)
    return overflow ? Int64.max / 2 : product
  }
}

import JSON
import Linux
import OCI

/// The six points at which the specification calls programs (config.md, "POSIX-platform Hooks").
public enum HookKind: String, Sendable {
  case prestart, createRuntime, createContainer, startContainer, poststart, poststop

  /// What the state passed to the hook says.
  var status: State.Status {
    switch self {
    case .prestart, .createRuntime, .createContainer: return .creating
    case .startContainer: return .created
    case .poststart: return .running
    case .poststop: return .stopped
    }
  }
}

/// A container's hooks, and what they are told.
public struct ContainerHooks: Equatable, Sendable {
  public var hooks: Config.Hooks
  /// Status and pid are filled in for each hook.
  public var state: State
  /// Files that get what the hooks print (`run.oci.hooks.stdout`, `run.oci.hooks.stderr`).
  public var standardOutput: String?
  public var standardError: String?

  public init(_ hooks: Config.Hooks, state: State) {
    self.hooks = hooks
    self.state = state
    standardOutput = state.annotations["run.oci.hooks.stdout"]
    standardError = state.annotations["run.oci.hooks.stderr"]
  }

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

  /// Runs the hooks of one kind in order; the first failure ends it.
  ///
  /// - Parameter pid: the container process as the hooks' namespaces see it; `nil`: the calling process.
  public func run(_ kind: HookKind, pid: Int32? = nil) throws(Failure) {
    for index in self[kind].indices { try run(kind, index, pid: pid) }
  }

  /// Runs every hook of one kind, whatever happens to the others; returns what failed.
  public func runAll(_ kind: HookKind, pid: Int32) -> [Failure] {
    var failures: [Failure] = []
    for index in self[kind].indices {
      do { try run(kind, index, pid: pid) } catch { failures.append(error) }
    }
    return failures
  }

  private func run(_ kind: HookKind, _ index: Int, pid: Int32?) throws(Failure) {
    var told = state
    told.status = kind.status
    told.pid = pid ?? CurrentProcess.pid
    let hook = self[kind][index]
    let name = kind.rawValue + " hook #" + String(index) + " \"" + hook.path + "\""
    try HookRun(hook, name: name, directory: pid == nil ? nil : state.bundle, self).run(Writer.encode(told))
  }
}

/// One call of one hook.
private struct HookRun {
  let hook: Config.Hook
  let name: String
  /// Where it runs; `nil`: where the caller is.
  let directory: String?
  let output: ContainerHooks

  init(_ hook: Config.Hook, name: String, directory: String?, _ output: ContainerHooks) {
    self.hook = hook
    self.name = name
    self.directory = directory
    self.output = output
  }

  /// What a hook printed is kept to this many bytes, for the message.
  private static let keptOutput = 2048

  func run(_ state: [UInt8]) throws(Failure) {
    var ended: (status: ExitStatus, printed: [UInt8])?
    var timedOut = false
    try step(name) { () throws(SystemError) in
      let input = try Descriptor.memory("state", state)
      let pipe = try Descriptor.pipe()
      let reader = Descriptor(taking: pipe.reader)
      let writer = Descriptor(taking: pipe.writer)
      guard case .parent(let pid) = try clone(into: []) else { return become(input, writer) }
      // Our copy goes: the end of file comes when the hook and its children have closed theirs.
      _ = consume writer
      ended = try watch(pid, reader, &timedOut)
    }
    guard let ended else { return }
    let said = ended.printed.isEmpty ? "" : ": " + oneLine(ended.printed)
    if timedOut { throw Failure(name + ": timed out after " + String(hook.timeout ?? 0) + " s, killed" + said) }
    switch ended.status {
    case .exited(0): return
    case .exited(HookRun.notExecutable): throw Failure(name + said)
    case .exited(let code): throw Failure(name + ": exit status " + String(code) + said)
    case .signaled(let signal): throw Failure(name + ": killed by signal " + String(signal) + said)
    }
  }

  /// Reads what the hook prints until it has ended or its time is over.
  private func watch(_ pid: Int32, _ reader: borrowing Descriptor, _ timedOut: inout Bool) throws(SystemError)
    -> (ExitStatus, [UInt8])
  {
    var printed: [UInt8] = []
    let process = try PIDFD(pid)
    let deadline = hook.timeout.map { Clock.monotonicMilliseconds() &+ $0.multipliedClamped(by: 1000) }
    var open = true
    while true {
      var left: Int32 = -1
      if let deadline { left = Int32(clamping: max(0, deadline &- Clock.monotonicMilliseconds())) }
      let seen = try poll(
        [Polled(process.descriptor.number, .readable), Polled(open ? reader.number : -1, .readable)],
        milliseconds: left)
      if seen[1].isReady {
        let bytes = try reader.read(upTo: 4096)
        open = !bytes.isEmpty
        printed += bytes
        if printed.count > HookRun.keptOutput { printed.removeFirst(printed.count - HookRun.keptOutput) }
        continue
      }
      if seen[0].isReady { break }
      if let deadline, Clock.monotonicMilliseconds() >= deadline {
        // The hook leads a process group: its children go with it.
        timedOut = true
        try? signalProcess(-pid, Signal.kill.number)
        try? process.signal(Signal.kill.number)
        _ = try process.waitForEnd(milliseconds: -1)
        break
      }
    }
    return (try waitForChild(pid), printed)
  }

  private static let notExecutable: Int32 = 255

  /// In the child: becomes the hook. Never comes back; the type does not say so because the caller owns descriptors.
  private func become(_ input: borrowing Descriptor, _ writer: borrowing Descriptor) {
    do {
      try CurrentProcess.startSession()
      try input.install(as: 0)
      try writer.install(as: 1)
      try writer.install(as: 2)
      if let path = output.standardOutput { try appendTo(path, 1) }
      if let path = output.standardError { try appendTo(path, 2) }
      try Descriptor.closeOnExec(from: 3)
      SignalReader.reset()
      if let directory { try CurrentProcess.changeDirectory(directory) }
      try CurrentProcess.execute(hook.path, hook.args.isEmpty ? [hook.path] : hook.args, environment: hook.env)
    } catch {
      try? writer.write(error.description)
    }
    CurrentProcess.exit(HookRun.notExecutable)
  }

  private func appendTo(_ path: String, _ number: Int32) throws(SystemError) {
    try openFile(path, [.writeOnly, .create, .append], mode: 0o700).install(as: number)
  }

  private func oneLine(_ bytes: [UInt8]) -> String {
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

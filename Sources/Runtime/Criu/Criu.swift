import Linux

/// A CRIU at work (criu(8)): a child process that is asked, in messages on a socket, to dump or restore processes, and that tells on
/// the same socket how far it is (`criu swrk`).
struct Criu: ~Copyable {
  let pid: Int32
  private let socket: Socket

  /// Notifications, by what they are called, and the process that they are about.
  struct Notification: ~Copyable {
    let script: String
    let pid: Int32
    /// The master of a terminal whose other end was restored.
    private var passed: Descriptor?

    init(_ response: CriuResponse, _ passed: consuming Descriptor?) {
      script = response.script
      pid = response.pid
      self.passed = passed
    }

    /// Takes the descriptor out.
    consuming func takeDescriptor() -> Descriptor? { passed }
  }

  /// The oldest version that takes what is asked of it: 3.15 has external pid namespaces, and tells when lazy pages are ready.
  private static let oldest = 31500

  /// Starts CRIU, does the work with it, and waits for its end, however the work ends.
  ///
  /// - Parameters:
  ///   - streams: its standard input, output and error.
  ///   - inherited: what it has as 4, 5 and so on.
  ///   - prepare: runs in its process before it starts.
  static func with<R>(
    streams: [Int32], inherited: [Int32] = [], into namespaces: NamespaceFlags = [], cgroup: Int32 = -1,
    prepare: () throws(Failure) -> Void = {}, _ work: (borrowing Criu) throws(Failure) -> R
  ) throws(Failure) -> R {
    let path = try program()
    let pair = try step("criu") { () throws(SystemError) in try Socket.pairNumbers() }
    let socket = Socket(Descriptor(taking: pair.first))
    let other = Descriptor(taking: pair.second)
    // The program's own end is its descriptor 3.
    let pid = try spawn(
      path, ["criu", "swrk", "3"], descriptors: streams + [other.number] + inherited, into: namespaces, cgroup: cgroup,
      prepare: prepare)
    _ = consume other
    let criu = Criu(pid: pid, socket: socket)
    let result: Result<R, Failure>
    do throws(Failure) {
      try criu.requireVersion()
      result = .success(try work(criu))
    } catch {
      result = .failure(error)
    }
    try criu.end()
    return try result.get()
  }

  private init(pid: Int32, socket: consuming Socket) {
    self.pid = pid
    self.socket = socket
  }

  /// It could not do its work for others, and would make files before it finds out.
  static func requireRoot() throws(Failure) {
    if CurrentProcess.effectiveUID != 0 { throw Failure("criu: it takes root", errno: .notPermitted) }
  }

  private static func program() throws(Failure) -> String {
    do {
      return try findProgram("criu")
    } catch {
      throw Failure(
        "criu: executable file not found in $PATH; checkpoint and restore take CRIU (criu.org, package criu)",
        errno: .noSuchFileOrDirectory)
    }
  }

  /// It ends when nobody asks any more.
  private consuming func end() throws(Failure) {
    let pid = self.pid
    _ = consume self
    _ = try step("criu") { () throws(SystemError) in try waitForChild(pid) }
  }

  // MARK: questions

  private func requireVersion() throws(Failure) {
    try send(CriuRequest.version.encoded(keepsOpen: true))
    let answer = try receive().response
    guard answer.kind == CriuRequest.version.rawValue, answer.succeeded, answer.version > 0 else {
      throw Failure("criu: it does not tell its version: it is too old, 3.15 is needed")
    }
    guard answer.version >= Criu.oldest else {
      throw Failure("criu: its version is " + Criu.text(answer.version) + ": it is too old, 3.15 is needed")
    }
  }

  private static func text(_ version: Int) -> String {
    String(version / 10000) + "." + String(version / 100 % 100) + "." + String(version % 100)
  }

  /// Passes when CRIU and the kernel can do what is asked for.
  func require(memoryTracking: Bool, lazyPages: Bool) throws(Failure) {
    guard memoryTracking || lazyPages else { return }
    try send(CriuRequest.featureCheck.encoded(keepsOpen: true))
    let answer = try receive().response
    if !answer.succeeded { throw Failure("criu: what this kernel can do: " + Criu.reason(answer)) }
    if memoryTracking && !answer.tracksMemory {
      throw Failure("criu: this kernel does not tell which memory has changed, as --pre-dump and --parent-path need")
    }
    if lazyPages && !answer.hasLazyPages {
      throw Failure("criu: this kernel cannot restore memory when it is used, as --lazy-pages needs (userfaultfd(2))")
    }
  }

  // MARK: work

  /// Has it done, and waits for the answer; meanwhile CRIU tells where it is, and waits itself until that was heard.
  ///
  /// - Parameter hear: what is thrown there makes CRIU give up, and is the reason then.
  func carryOut(
    _ request: CriuRequest, _ options: CriuOptions, _ hear: (consuming Notification) throws(Failure) -> Void
  ) throws(Failure) -> CriuResponse {
    try send(request.encoded(options))
    var failure: Failure?
    while true {
      let answer: CriuResponse
      let passed: Descriptor?
      do throws(Failure) {
        let received = try receive()
        answer = received.response
        passed = received.takeDescriptor()
      } catch {
        throw failure ?? error
      }
      if answer.kind == CriuRequest.notify.rawValue && answer.succeeded {
        if failure == nil {
          do throws(Failure) { try hear(Notification(answer, passed)) } catch { failure = error }
        }
        try send(CriuRequest.notified(failure == nil))
        continue
      }
      if let failure { throw failure }
      guard answer.kind == request.rawValue, answer.succeeded else { throw Failure("criu: " + Criu.reason(answer)) }
      return answer
    }
  }

  private static let noReason = "it failed"

  private static func reason(_ answer: CriuResponse) -> String {
    let said = Array(answer.message.utf8)
    if !said.isEmpty { return errorText(said[...]) ?? oneLine(said) }
    return answer.errno == 0 ? noReason : Errno(rawValue: answer.errno).description
  }

  /// What CRIU said, as a part of one line.
  static func oneLine(_ text: some Sequence<UInt8>) -> String {
    var text = String(decoding: text.map { $0 < 32 || $0 == 127 ? 32 : $0 }, as: UTF8.self)
    while text.hasSuffix(" ") { text.removeLast() }
    return text
  }

  // MARK: messages

  private struct Received: ~Copyable {
    let response: CriuResponse
    var descriptor: Descriptor?

    consuming func takeDescriptor() -> Descriptor? { descriptor }
  }

  private func send(_ bytes: [UInt8]) throws(Failure) {
    do {
      try socket.send(bytes)
    } catch {
      // It has ended: what it said before, or that it has, tells more.
      if error.errno != .brokenPipe && error.errno != .connectionReset { throw Failure("criu", error) }
    }
  }

  /// The wait is bounded by CRIU's life: when it ends, its end of the socket closes.
  private func receive() throws(Failure) -> Received {
    let message: Message
    do {
      message = try socket.receive(upTo: 65536)
    } catch {
      throw error.errno == .connectionReset ? Criu.ended : Failure("criu", error)
    }
    if message.bytes.isEmpty { throw Criu.ended }
    do {
      return Received(response: try CriuResponse(message.bytes), descriptor: message.takeDescriptor())
    } catch {
      throw Failure("criu: it said something that is no message of its protocol")
    }
  }

  private static let ended = Failure("criu: it ended without an answer")
}

extension Criu {
  /// The failure, told with where CRIU has written more of it; its last errors are the reason where it gave none.
  ///
  /// A line of the log is `(00.012345) Error (criu/mount.c:1234): mnt: …`, in a process of the container with `    12: ` in the midst.
  static func explained(_ failure: Failure, log: String) -> Failure {
    guard let bytes = try? readFile(log) else { return failure }
    var message = failure.message
    if message.hasSuffix(noReason) {
      let errors = errors(in: bytes)
      if !errors.isEmpty { message = "criu: " + errors.suffix(3).joined(separator: "; ") }
    }
    return Failure(message + "; see " + log, errno: failure.errno)
  }

  static func errors(in log: [UInt8]) -> [String] {
    var errors: [String] = []
    for line in log.split(separator: UInt8(ascii: "\n")) {
      guard let text = errorText(line[...]) else { continue }
      // Only that it failed, which is known.
      if !text.hasSuffix("FAILED.") && errors.last != text { errors.append(text) }
    }
    return errors
  }

  /// What stands behind `Error (FILE:LINE): `; `nil`: it is no error.
  static func errorText(_ line: ArraySlice<UInt8>) -> String? {
    let mark = Array("Error (".utf8)
    var rest = line
    while rest.count > mark.count, !rest.starts(with: mark) { rest = rest.dropFirst() }
    guard rest.starts(with: mark), let end = rest.firstIndex(of: UInt8(ascii: ")")) else { return nil }
    let text = oneLine(rest[(end + 1)...].drop { $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: " ") })
    return text.isEmpty ? nil : text
  }
}

import Linux

/// Stays with a process in the foreground: passes signals on, relays its terminal, reaps.
struct Attendant {
  let pid: Int32
  /// What the process says to a service manager is passed on, too.
  var notifications: NotifyProxy?

  // signal(7). Not those the kernel sends for our own faults, and not what stops us: those are for us.
  private static let childEnded: Int32 = 17
  private static let windowChanged: Int32 = 28
  private static let forwarded: [Int32] = [1, 2, 3, 6, 10, 12, 13, 14, 15, 18, 20, 21, 22, 23, 24, 25, 26, 29, 30]

  /// What is read as events instead of interrupting.
  static let signals = [childEnded, windowChanged] + forwarded

  /// Attends until the process has ended and, with a terminal, until what it wrote has been passed on.
  ///
  /// - Parameter terminal: the master, which somebody else owns; -1: none.
  func attend(_ terminal: Int32, _ signals: borrowing SignalReader) throws(Failure) -> ExitStatus {
    try step("attached process") { () throws(SystemError) in
      if terminal < 0 {
        try StandardStream.handOver()
        return try attend(relay: nil, signals)
      }
      let relay = TerminalRelay(master: terminal)
      guard Terminal.isTerminal(0) else { return try attend(relay: relay, signals) }
      let raw = try RawMode.enter(0)
      let status = try attend(relay: relay, signals)
      _ = consume raw
      return status
    }
  }

  private func attend(relay: consuming TerminalRelay?, _ signals: borrowing SignalReader) throws(SystemError)
    -> ExitStatus
  {
    var relay = relay
    // It may have ended before the signals were looked at.
    if let status = try reap() { return try finish(status, &relay) }
    while true {
      var polled = [Polled(signals.descriptor.number, .readable), Polled(notifications?.number ?? -1, .readable)]
      if let relay { polled += relay.polled }
      let seen = try poll(polled)
      if seen[0].isReady {
        while let signal = try signals.next() {
          switch signal {
          case Attendant.childEnded:
            if let status = try reap() { return try finish(status, &relay) }
          case Attendant.windowChanged:
            if let relay { try relay.copySize() } else { pass(on: signal) }
          default: pass(on: signal)
          }
        }
      }
      if seen[1].isReady { _ = try notifications?.relay() }
      if relay != nil { try relay!.move(Array(seen[2...])) }
    }
  }

  /// The process may have ended a moment ago: then there is nobody to tell.
  private func pass(on signal: Int32) { try? signalProcess(pid, signal) }

  /// Reaps whoever has ended; the status when our process is among them.
  private func reap() throws(SystemError) -> ExitStatus? {
    var found: ExitStatus?
    while let (ended, status) = reapAnyChild() {
      if ended == pid { found = status }
    }
    return found
  }

  private func finish(_ status: ExitStatus, _ relay: inout TerminalRelay?) throws(SystemError) -> ExitStatus {
    if relay != nil { try relay!.drain() }
    return status
  }
}

/// Carries bytes between our standard streams and the master of a terminal.
struct TerminalRelay {
  let master: Int32
  /// Still to be written, to the terminal and to our output: a slow reader must not block the other direction.
  private var toMaster: [UInt8] = []
  private var toOutput: [UInt8] = []
  private var inputIsOpen = true
  private var masterIsOpen = true

  init(master: Int32) { self.master = master }

  /// Bytes kept for a reader that does not read, in each direction.
  private static let limit = 65536

  var polled: [Polled] {
    var events: Polled.Events = []
    if toOutput.count < TerminalRelay.limit { events.insert(.readable) }
    if !toMaster.isEmpty { events.insert(.writable) }
    return [
      Polled(inputIsOpen && toMaster.count < TerminalRelay.limit ? 0 : -1, .readable),
      Polled(masterIsOpen && !events.isEmpty ? master : -1, events),
      Polled(toOutput.isEmpty ? -1 : 1, .writable),
    ]
  }

  func copySize() throws(SystemError) {
    guard Terminal.isTerminal(0) else { return }
    try withBorrowed(master) { (terminal) throws(SystemError) in try Terminal.copySize(from: 0, to: terminal) }
  }

  /// Moves what can be moved without waiting. `seen` answers to ``polled``.
  mutating func move(_ seen: [Polled]) throws(SystemError) {
    if seen[0].isReady {
      let bytes = try readSome(0)
      if bytes.isEmpty {
        inputIsOpen = false
        // Whoever reads the terminal is told as at a keyboard: Ctrl-D.
        toMaster.append(4)
      }
      toMaster += bytes
    }
    if seen[1].seen.contains(.readable) {
      let bytes = try readSome(master)
      if bytes.isEmpty { masterIsOpen = false }
      toOutput += bytes
    } else if seen[1].seen.contains(.hangUp) {
      masterIsOpen = false
    }
    if seen[1].seen.contains(.writable) { try writeSome(&toMaster, master) }
    if seen[2].isReady { try writeSome(&toOutput, 1) }
  }

  /// Passes on what the process wrote before it ended.
  mutating func drain() throws(SystemError) {
    while masterIsOpen {
      let seen = try poll([Polled(master, .readable)], milliseconds: 0)
      guard seen[0].isReady else { break }
      let bytes = try readSome(master)
      if bytes.isEmpty { break }
      toOutput += bytes
      while toOutput.count >= TerminalRelay.limit { try writeSome(&toOutput, 1) }
    }
    while !toOutput.isEmpty { try writeSome(&toOutput, 1) }
  }

  /// A terminal whose last user has gone answers EIO: its end of file.
  private func readSome(_ number: Int32) throws(SystemError) -> [UInt8] {
    do {
      return try withBorrowed(number) { (file) throws(SystemError) in try file.read(upTo: 8192) }
    } catch {
      if error.errno == .ioError || error.errno == .wouldBlock { return [] }
      throw error
    }
  }

  private func writeSome(_ bytes: inout [UInt8], _ number: Int32) throws(SystemError) {
    let part = Array(bytes.prefix(8192))
    do {
      try withBorrowed(number) { (file) throws(SystemError) in try file.write(part) }
      bytes.removeFirst(part.count)
    } catch {
      // Nobody reads any more.
      if error.errno == .ioError || error.errno == .brokenPipe { bytes = [] } else { throw error }
    }
  }
}

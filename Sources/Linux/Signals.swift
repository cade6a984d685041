import CLinux

/// A signal by number (signal(7)).
public struct Signal: Equatable, Sendable {
  public let number: Int32

  public init(number: Int32) { self.number = number }

  public static let kill = Signal(number: SIGKILL)
  public static let terminate = Signal(number: SIGTERM)

  private static let names: [StaticString] = [
    "", "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM",
    "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH",
    "IO", "PWR", "SYS",
  ]

  /// Reads a signal as kill(1) takes it: `9`, `KILL`, `SIGKILL`, `sigkill`, `RTMIN+3`, `RTMAX-1`; `0` asks whether one could be sent. `nil`:
  /// none of that name.
  public init?(_ text: String) {
    if let number = decimal(text.utf8) {
      guard number <= UInt64(clx_rtmax()) else { return nil }
      self.init(number: Int32(number))
      return
    }
    var name = text.uppercased()
    if name.hasPrefix("SIG") { name.removeFirst(3) }
    if name.hasPrefix("RTM") {
      let (base, sign) = name.hasPrefix("RTMIN") ? (clx_rtmin(), Int32(1)) : (clx_rtmax(), Int32(-1))
      let rest = name.dropFirst(5)
      guard name.hasPrefix("RTMIN") || name.hasPrefix("RTMAX") else { return nil }
      if rest.isEmpty {
        self.init(number: base)
        return
      }
      guard rest.first == (sign > 0 ? "+" : "-"), let offset = decimal(rest.dropFirst().utf8), offset <= 32 else {
        return nil
      }
      let number = base + sign * Int32(offset)
      guard number >= clx_rtmin() && number <= clx_rtmax() else { return nil }
      self.init(number: number)
      return
    }
    let aliases: [(StaticString, Int32)] = [("IOT", SIGABRT), ("CLD", SIGCHLD), ("POLL", SIGIO)]
    if let alias = aliases.first(where: { $0.0.matches(name) }) {
      self.init(number: alias.1)
      return
    }
    guard !name.isEmpty, let number = Signal.names.firstIndex(where: { $0.matches(name) }) else { return nil }
    self.init(number: Int32(number))
  }
}

/// Signals delivered as readable events instead of interruptions. See signalfd(2).
public struct SignalReader: ~Copyable {
  public let descriptor: Descriptor

  /// Blocks the signals and makes them readable.
  public init(_ signals: [Int32]) throws(SystemError) {
    let count = Int32(signals.count)
    try check(
      "sigprocmask", unsafe signals.withUnsafeBufferPointer { unsafe clx_signal_block($0.baseAddress, count) })
    let result = unsafe signals.withUnsafeBufferPointer { unsafe clx_signalfd($0.baseAddress, count) }
    descriptor = Descriptor(taking: try check("signalfd", result))
  }

  /// The next signal that has arrived; `nil` when there is none.
  public func next() throws(SystemError) -> Int32? {
    let result = clx_signalfd_read(descriptor.number)
    if result == -EAGAIN || result == -EINTR { return nil }
    return try check("read", on: "signalfd", result)
  }

  /// An unblocked mask and default dispositions, as a new program expects them.
  public static func reset() { clx_signals_reset() }
}

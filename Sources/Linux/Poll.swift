import CLinux

/// One descriptor that poll(2) looks at, and what was seen.
public struct Polled {
  public struct Events: OptionSet, Sendable {
    public let rawValue: Int16
    public init(rawValue: Int16) { self.rawValue = rawValue }
    public static let readable = Events(rawValue: 1)
    /// Out of the ordinary: the file of a cgroup has changed (POLLPRI).
    public static let priority = Events(rawValue: 2)
    public static let writable = Events(rawValue: 4)
    public static let hangUp = Events(rawValue: 0x10)
  }

  public let descriptor: Int32
  public let wanted: Events
  public internal(set) var seen: Events = []

  /// - Parameter descriptor: a negative one is passed over.
  public init(_ descriptor: Int32, _ wanted: Events) {
    self.descriptor = descriptor
    self.wanted = wanted
  }

  /// Something was seen: what was wanted, a hang-up or an error.
  public var isReady: Bool { !seen.isEmpty }
}

/// Waits for an event on one of the descriptors, at most so many milliseconds (-1: as long as it takes). See poll(2).
public func poll(_ polled: [Polled], milliseconds: Int32 = -1) throws(SystemError) -> [Polled] {
  var raw = polled.map { pollfd(fd: $0.descriptor, events: $0.wanted.rawValue, revents: 0) }
  // A timeout counts from the call: an interrupted wait must not start over for ever.
  let deadline = milliseconds < 0 ? 0 : Clock.monotonicMilliseconds() + Int64(milliseconds)
  var left = milliseconds
  while true {
    let count = UInt(raw.count)
    let result = unsafe raw.withUnsafeMutableBufferPointer { unsafe clx_poll($0.baseAddress, count, left) }
    if result == -EINTR {
      if milliseconds >= 0 { left = Int32(max(0, deadline - Clock.monotonicMilliseconds())) }
      continue
    }
    try check("poll", result)
    var seen = polled
    for index in seen.indices { seen[index].seen = Polled.Events(rawValue: raw[index].revents) }
    return seen
  }
}

/// Clocks (clock_gettime(2)).
public enum Clock {
  public static func monotonicMilliseconds() -> Int64 {
    var seconds: Int64 = 0
    var nanoseconds: Int64 = 0
    unsafe clx_clock(CLOCK_MONOTONIC, &seconds, &nanoseconds)
    return seconds * 1000 + nanoseconds / 1_000_000
  }

  /// The time of day as RFC 3339 in UTC with nanoseconds: `2026-11-21T11:22:33.012345678Z`.
  public static func timestamp() -> String {
    var seconds: Int64 = 0
    var nanoseconds: Int64 = 0
    unsafe clx_clock(CLOCK_REALTIME, &seconds, &nanoseconds)
    let parts: [Int32] = unsafe [Int32](unsafeUninitializedCapacity: 6) { buffer, count in
      unsafe clx_utc(seconds, buffer.baseAddress)
      count = 6
    }
    func padded(_ value: Int64, _ width: Int) -> String {
      let digits = String(value)
      return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
    }
    func field(_ index: Int, _ width: Int = 2) -> String { padded(Int64(parts[index]), width) }
    let date = field(0, 4) + "-" + field(1) + "-" + field(2)
    return date + "T" + field(3) + ":" + field(4) + ":" + field(5) + "." + padded(nanoseconds, 9) + "Z"
  }
}

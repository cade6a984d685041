import JSON
import Linux
import Runtime

/// `events`: what a container uses, and when its memory runs out.
struct Events: Command {
  static var name: StaticString { "events" }
  static var summary: StaticString { "print what a container uses, and when its memory runs out, as JSON" }
  static var discussion: StaticString {
    "One object a line, until the container has ended. TIME is a number of seconds, or one with units, such as 500ms or 1m30s."
  }

  private var id = ""
  private var statistics = false
  private var milliseconds: Int64 = 5000

  static func arguments(_ table: inout ArgumentTable<Events>) {
    table.value("interval", "TIME", "from one measurement to the next [5s]", as: duration) { $0.milliseconds = $1 }
    table.flag("stats", "print one measurement, and no more") { $0.statistics = $1 }
    table.required("ID") { $0.id = $1 }
  }

  func run(in session: Session) throws(Failure) -> Int32 {
    let id = try ContainerID(id)
    if statistics {
      try Events.tell(session.store.statistics(id))
    } else {
      try session.store.watch(id, every: milliseconds, listener: 1, Events.tell)
    }
    return 0
  }

  private static func tell(_ event: ContainerEvent) throws(Failure) {
    try printOut(Writer.encode(event) + [UInt8(ascii: "\n")])
  }

  /// Reads a time as Go writes it, `1m30s`, `1.5s`, `500ms`, or in seconds; in milliseconds.
  static func duration(_ text: String) throws(Failure) -> Int64 {
    let refusal = Failure("\"" + text + "\" is no time above zero; write seconds, or units as in 500ms or 1m30s")
    var rest = text.utf8[...]
    // Microseconds; an hour has 3.6 billion of them.
    var total: UInt64 = 0
    repeat {
      let whole = rest.prefix { $0 >= 48 && $0 <= 57 }
      rest = rest.dropFirst(whole.count)
      var fraction = rest.prefix(0)
      if rest.first == UInt8(ascii: ".") {
        fraction = rest.dropFirst().prefix { $0 >= 48 && $0 <= 57 }
        rest = rest.dropFirst(1 + fraction.count)
      }
      let letters = rest.prefix { $0 >= 97 && $0 <= 122 }
      rest = rest.dropFirst(letters.count)
      // A number without a unit stands alone.
      guard let unit = unit(letters), !letters.isEmpty || rest.isEmpty && total == 0, let number = decimal(whole),
        number <= 1 << 31,
        fraction.isEmpty || fraction.count <= 6
      else { throw refusal }
      var parts: UInt64 = 1
      for _ in fraction { parts *= 10 }
      total += number * unit + (decimal(fraction) ?? 0) * unit / parts
      if total > 1 << 53 { throw refusal }
    } while !rest.isEmpty
    guard total >= 1000 else { throw refusal }
    return Int64(total / 1000)
  }

  /// Microseconds.
  private static func unit(_ letters: Substring.UTF8View) -> UInt64? {
    if letters.elementsEqual("us".utf8) { return 1 }
    if letters.elementsEqual("ms".utf8) { return 1000 }
    if letters.isEmpty || letters.elementsEqual("s".utf8) { return 1_000_000 }
    if letters.elementsEqual("m".utf8) { return 60_000_000 }
    if letters.elementsEqual("h".utf8) { return 3_600_000_000 }
    return nil
  }
}

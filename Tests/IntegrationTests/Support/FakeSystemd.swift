import CTestSupport
import Foundation

/// Plays systemd for one test: listens on a unix socket, speaks D-Bus as far as a runtime's calls need it, and does what they
/// ask for with cgroups. Its reading of the protocol is its own.
final class FakeSystemd: @unchecked Sendable {
  /// How it answers a request for a scope.
  enum Mood: Sendable {
    case obliging
    /// An error, so many times.
    case refuses(name: String, text: String, times: Int)
    /// The job ends like this.
    case jobEnds(String)
    /// An error for every change of properties.
    case refusesChanges
    case closes
    case talksNonsense
  }

  /// What it was asked for.
  struct Call: Equatable {
    var member: String
    var unit = ""
    /// Properties by name, as text.
    var properties: [String: String] = [:]
  }

  let path: String
  private let mood: Mood
  private let listener: Int32
  private let lock = NSLock()
  private var recorded: [Call] = []
  private var refusals = 0
  private var directories: [String] = []

  init(_ bundle: Bundle, _ mood: Mood = .obliging) throws {
    path = bundle.workspace + "/bus"
    self.mood = mood
    listener = ct_listen(path)
    if listener < 0 { throw TestError.system("listen \(path)") }
    bundle.environment = ["DBUS_SYSTEM_BUS_ADDRESS=unix:path=" + path]
    let thread = Thread { [self] in serve() }
    thread.start()
  }

  /// Ends the service, and removes the cgroups it has made for a test that left them.
  func end() {
    shutdown(listener, Int32(SHUT_RDWR))
    close(listener)
    for directory in lock.withLock({ directories }).reversed() { Hierarchies.remove(directory) }
  }

  var calls: [Call] { lock.withLock { recorded } }
  func calls(_ member: String) -> [Call] { calls.filter { $0.member == member } }

  // MARK: connections

  private func serve() {
    while true {
      let connection = accept(listener, nil, nil)
      if connection < 0 { return }
      attend(connection)
      close(connection)
    }
  }

  private func attend(_ connection: Int32) {
    var received: [UInt8] = []
    let begin = Array("BEGIN\r\n".utf8)
    while received.firstRange(of: begin) == nil { guard receive(connection, &received) else { return } }
    // As systemd does: what comes along with this is not looked at until more comes, and here not at all.
    received = []
    send(connection, Array("DATA\r\nOK 0123456789abcdef0123456789abcdef\r\n".utf8))
    while true {
      while let message = Incoming(&received) {
        guard answer(message, connection) else { return }
      }
      guard receive(connection, &received) else { return }
    }
  }

  private func receive(_ connection: Int32, _ bytes: inout [UInt8]) -> Bool {
    var part = [UInt8](repeating: 0, count: 8192)
    let count = read(connection, &part, part.count)
    if count > 0 { bytes += part.prefix(count) }
    return count > 0
  }

  private func send(_ connection: Int32, _ bytes: [UInt8]) {
    _ = bytes.withUnsafeBytes { Glibc.send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
  }

  /// - Returns: whether the conversation goes on.
  private func answer(_ message: Incoming, _ connection: Int32) -> Bool {
    var arguments = message.arguments
    var call = Call(member: message.member)
    let hasUnit = ["StartTransientUnit", "StopUnit", "SetUnitProperties", "ResetFailedUnit"].contains(message.member)
    if hasUnit { call.unit = arguments.string() }
    if message.member == "StartTransientUnit" { _ = arguments.string() }
    if message.member == "SetUnitProperties" { _ = arguments.number() }
    if ["StartTransientUnit", "SetUnitProperties"].contains(message.member) {
      call.properties = arguments.properties()
    }
    // Before the answer: whoever gets it may look here at once.
    record(call)
    switch message.member {
    case "Hello": send(connection, Outgoing.reply(message.serial, "s", [":1.7"]))
    case "StartTransientUnit": return start(call, message.serial, connection)
    case "StopUnit":
      stop()
      finishJob(message.serial, call.unit, "done", connection)
    case "SetUnitProperties":
      if case .refusesChanges = mood {
        send(connection, Outgoing.error(message.serial, "org.freedesktop.DBus.Error.Failed", "not now"))
      } else {
        send(connection, Outgoing.reply(message.serial))
      }
    default: send(connection, Outgoing.reply(message.serial))
    }
    return true
  }

  private func record(_ call: Call) { lock.withLock { recorded.append(call) } }

  private func start(_ call: Call, _ serial: UInt32, _ connection: Int32) -> Bool {
    switch mood {
    case .closes: return false
    case .talksNonsense:
      send(connection, [UInt8](repeating: 0x78, count: 64))
      return true
    case .refuses(let name, let text, let times):
      refusals += 1
      if refusals <= times {
        send(connection, Outgoing.error(serial, name, text))
        return true
      }
    case .jobEnds(let result):
      finishJob(serial, call.unit, result, connection)
      return true
    case .obliging, .refusesChanges: break
    }
    place(call)
    finishJob(serial, call.unit, "done", connection)
    return true
  }

  private func finishJob(_ serial: UInt32, _ unit: String, _ result: String, _ connection: Int32) {
    send(connection, Outgoing.reply(serial, "o", ["/job/5"]))
    // Somebody else's job ends in between.
    send(connection, Outgoing.jobRemoved("/job/4", "other.service", "failed"))
    send(connection, Outgoing.jobRemoved("/job/5", unit, result))
  }

  // MARK: cgroups

  /// The hierarchies in which systemd makes the cgroups of its units.
  private static func isManaged(_ directory: String) -> Bool {
    ["systemd", "unified", "cpu", "cpuacct", "cpu,cpuacct", "blkio", "memory", "devices", "pids", "cgroup"]
      .contains(URL(fileURLWithPath: directory).lastPathComponent)
  }

  private func place(_ call: Call) {
    for hierarchy in Hierarchies.directories where FakeSystemd.isManaged(hierarchy) {
      let slice = hierarchy + "/" + (call.properties["Slice"] ?? "")
      let scope = slice + "/" + call.unit
      for directory in [slice, scope] {
        mkdir(directory, 0o755)
        lock.withLock { directories.append(directory) }
      }
      try? Files.write(call.properties["PIDs"] ?? "", to: scope + "/cgroup.procs")
    }
  }

  private func stop() {
    for directory in lock.withLock({ directories }).reversed() { rmdir(directory) }
  }
}

/// A message that was received.
private struct Incoming {
  let serial: UInt32
  private(set) var member = ""
  let arguments: Values

  /// Takes a whole message off the front, if there is one.
  init?(_ received: inout [UInt8]) {
    guard received.count >= 16 else { return nil }
    var values = Values(received, 4)
    let body = Int(values.number())
    serial = values.number()
    let end = Int(values.number()) + 16
    let start = (end + 7) / 8 * 8
    guard received.count >= start + body else { return nil }
    while values.offset < end {
      values.align(8)
      let field = values.byte()
      let type = values.signature()
      let text = type == "g" ? values.signature() : type == "u" ? String(values.number()) : values.string()
      if field == 3 { member = text }
    }
    arguments = Values(Array(received.prefix(start + body)), start)
    received.removeFirst(start + body)
  }
}

/// The values of a message, one after the other; a message that is not as it should be ends the test program.
private struct Values {
  let bytes: [UInt8]
  var offset: Int

  init(_ bytes: [UInt8], _ offset: Int) {
    self.bytes = bytes
    self.offset = offset
  }

  mutating func align(_ size: Int) { offset += (size - offset % size) % size }

  mutating func byte() -> UInt8 {
    offset += 1
    return bytes[offset - 1]
  }

  mutating func number() -> UInt32 { UInt32(truncatingIfNeeded: wide(4)) }

  mutating func wide(_ size: Int) -> UInt64 {
    align(size)
    return (0..<size).reduce(0) { $0 | UInt64(byte()) << UInt64($1 * 8) }
  }

  mutating func signature() -> String { text(Int(byte())) }
  mutating func string() -> String { text(Int(number())) }

  private mutating func text(_ count: Int) -> String {
    offset += count + 1
    return String(decoding: bytes[(offset - count - 1)..<(offset - 1)], as: UTF8.self)
  }

  mutating func properties() -> [String: String] {
    var found: [String: String] = [:]
    let size = Int(number())
    align(8)
    let end = offset + size
    while offset < end {
      align(8)
      let name = string()
      found[name] = value(signature())
    }
    return found
  }

  private mutating func value(_ type: String) -> String {
    switch type {
    case "s": return string()
    case "b": return number() == 1 ? "true" : "false"
    case "u": return String(number())
    case "t": return String(wide(8))
    default:
      let size = Int(number())
      if type == "a(ss)" { align(8) }
      let end = offset + size
      var elements: [String] = []
      while offset < end {
        if type == "au" { elements.append(String(number())) }
        if type == "ay" { elements.append(String(byte())) }
        if type == "as" { elements.append(string()) }
        if type == "a(ss)" {
          align(8)
          elements.append(string() + " " + string())
        }
      }
      return elements.joined(separator: ",")
    }
  }
}

/// Messages to send.
private enum Outgoing {
  static func reply(_ serial: UInt32, _ signature: String = "", _ texts: [String] = []) -> [UInt8] {
    message(2, [field(5, "u", number(serial))], signature, texts.map(string))
  }

  static func error(_ serial: UInt32, _ name: String, _ text: String) -> [UInt8] {
    message(3, [field(5, "u", number(serial)), field(4, "s", string(name))], "s", [string(text)])
  }

  static func jobRemoved(_ job: String, _ unit: String, _ result: String) -> [UInt8] {
    message(
      4,
      [
        field(1, "o", string("/org/freedesktop/systemd1")), field(2, "s", string("org.freedesktop.systemd1.Manager")),
        field(3, "s", string("JobRemoved")),
      ], "uoss", [number(5), string(job), string(unit), string(result)])
  }

  private static func number(_ value: UInt32) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
  }
  private static func string(_ text: String) -> [UInt8] { number(UInt32(text.utf8.count)) + Array(text.utf8) + [0] }

  private static func field(_ number: UInt8, _ type: String, _ value: [UInt8]) -> [UInt8] {
    [number, 1] + Array(type.utf8) + [0] + value
  }

  /// Every part is aligned to its needs: fields to 8, numbers and strings to 4.
  private static func message(_ kind: UInt8, _ fields: [[UInt8]], _ signature: String, _ values: [[UInt8]]) -> [UInt8] {
    func joined(_ parts: [[UInt8]], _ alignment: Int) -> [UInt8] {
      parts.reduce(into: []) { bytes, part in
        while bytes.count % alignment != 0 { bytes.append(0) }
        bytes += part
      }
    }
    var fields = fields
    if !signature.isEmpty { fields.append([8, 1, 0x67, 0, UInt8(signature.utf8.count)] + Array(signature.utf8) + [0]) }
    let header = joined(fields, 8)
    let body = joined(values, 4)
    let start = [0x6c, kind, 0, 1] + number(UInt32(body.count)) + number(77) + number(UInt32(header.count)) + header
    return joined([start, body], 8)
  }
}

import JSON
import Linux

/// Where messages go: errors to standard error and to the log; everything else to the log, or to standard error where none is
/// given.
struct Log {
  enum Format: String, CaseIterable {
    case text, json
  }

  /// How grave a message is, the gravest first; the names are those engines know.
  enum Level: String, CaseIterable {
    case panic, fatal, error, warning, warn, info, debug, trace

    /// As syslog(3) numbers them: the graver, the less.
    fileprivate var priority: Int {
      switch self {
      case .panic, .fatal, .error: return 3
      case .warning, .warn: return 4
      case .info: return 6
      case .debug, .trace: return 7
      }
    }
  }

  /// Where the log is; the words are crun's.
  enum Destination: Equatable {
    /// A file, which is made when there is something to write.
    case file(String)
    /// systemd's journal, with the field SYSLOG_IDENTIFIER.
    case journal(identifier: String)
    /// The machine's syslog.
    case syslog(identifier: String)

    /// `file:PATH`, `journald:IDENTIFIER` or `syslog:IDENTIFIER`; all else is a path. Without an identifier it is the program's name.
    init(_ text: String) {
      func rest(behind prefix: String) -> String? {
        text.hasPrefix(prefix) ? String(text.dropFirst(prefix.count)) : nil
      }
      func named(_ identifier: String) -> String { identifier.isEmpty ? "apus" : identifier }
      if let identifier = rest(behind: "journald:") {
        self = .journal(identifier: named(identifier))
      } else if let identifier = rest(behind: "syslog:") {
        self = .syslog(identifier: named(identifier))
      } else {
        self = .file(rest(behind: "file:") ?? text)
      }
    }
  }

  var destination: Destination?
  var format = Format.text
  var level = Level.info

  /// The one line about why the program fails.
  func error(_ message: String) {
    // Without a log, the record is what stands on standard error. The log comes first: should it fail, the complaint
    // about that must not be the last line.
    if destination != nil || format == .json { record(.error, message) }
    if destination != nil || format == .text { writeToStandardError(message) }
  }

  /// What a person should know, and what is no failure.
  func warning(_ message: String) { write(.warning, message) }

  /// A warning to nobody in particular: for the log, where there is one. buildah gives none, and shows a person all that stands
  /// on standard error.
  func remark(_ message: String) {
    if destination != nil { warning(message) }
  }

  /// What helps to find out what the program does. Made only when it is asked for.
  func debug(_ message: @autoclosure () -> String) {
    if level.priority >= Level.debug.priority { write(.debug, message()) }
  }

  private func write(_ grade: Level, _ message: String) {
    if grade.priority > level.priority { return }
    if destination == nil && format == .text {
      writeToStandardError(grade.rawValue + ": " + message)
    } else {
      record(grade, message)
    }
  }

  private func writeToStandardError(_ message: String) {
    try? StandardStream.error.write(Array(("apus: " + Log.oneLine(message) + "\n").utf8))
  }

  private func record(_ grade: Level, _ message: String) {
    let bytes = Log.line(format, grade, message, time: Clock.timestamp())
    guard let destination else {
      try? StandardStream.error.write(bytes)
      return
    }
    // What keeps the time and the level itself gets the message alone, unless it is to be JSON.
    var text: String { format == .json ? String(decoding: bytes.dropLast(), as: UTF8.self) : Log.oneLine(message) }
    do {
      // The descriptor closes at once: no number is taken that --preserve-fds may mean.
      switch destination {
      case .file(let path):
        try openFile(path, [.writeOnly, .create, .append], mode: 0o644).write(bytes)
      case .journal(let identifier):
        let fields = ["PRIORITY=" + String(grade.priority), "SYSLOG_IDENTIFIER=" + identifier, "MESSAGE=" + text]
        try Socket.connect(sender: "/run/systemd/journal/socket").send(Array(fields.joined(separator: "\n").utf8))
      case .syslog(let identifier):
        // Of the facility `user`.
        let line = "<" + String(8 | grade.priority) + ">" + identifier + ": " + text
        try Socket.connect(sender: "/dev/log").send(Array(line.utf8))
      }
    } catch {
      writeToStandardError("log: " + error.description)
    }
  }

  /// One record: a JSON object, or `time="…" level=error msg="…"`.
  static func line(_ format: Format, _ grade: Level, _ message: String, time: String) -> [UInt8] {
    var json = Writer()
    switch format {
    case .json:
      json.object { json in
        json.member("level", grade.rawValue)
        json.member("msg", message)
        json.member("time", time)
      }
      return json.bytes + [UInt8(ascii: "\n")]
    case .text:
      json.value(message)
      return Array(("time=\"" + time + "\" level=" + grade.rawValue + " msg=").utf8) + json.bytes + [UInt8(ascii: "\n")]
    }
  }

  /// The text with line breaks as blanks: engines show the last line alone.
  static func oneLine(_ text: String) -> String {
    if !text.utf8.contains(where: { $0 == 10 || $0 == 13 }) { return text }
    return String(decoding: text.utf8.map { $0 == 10 || $0 == 13 ? 32 : $0 }, as: UTF8.self)
  }
}

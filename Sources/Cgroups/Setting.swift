import Linux

/// One value for one control file.
struct Setting: Equatable {
  var file: String
  var value: String
  /// Passes when the kernel has no such file, or no longer supports it: what is asked for is how it is anyway.
  var mayBeMissing = false
  /// Neighbours that are marked depend on each other: one that the kernel calls invalid is tried again after the others.
  /// So a limit and its counterpart can be raised or lowered in one go, whatever the old values are.
  var isExchangeable = false
  /// The file holds a line an object, and this is the line of one (the value's first word).
  var isKeyed = false
  /// What is written instead where the file does not exist.
  var orElse: [Setting] = []

  init(
    _ file: String, _ value: String, mayBeMissing: Bool = false, isExchangeable: Bool = false, isKeyed: Bool = false,
    orElse: [Setting] = []
  ) {
    self.file = file
    self.value = value
    self.mayBeMissing = mayBeMissing
    self.isExchangeable = isExchangeable
    self.isKeyed = isKeyed
    self.orElse = orElse
  }

  /// What to write to have things as they were, given what the file said before; `nil`: nothing was there.
  func undo(_ old: String) -> String? {
    if file == "memory.oom_control" {
      // `oom_kill_disable 0`, then counters.
      return old.split(separator: "\n").first?.split(separator: " ").last.map { String($0) }
    }
    guard isKeyed else {
      // A list without entries is emptied by a line break, not by nothing.
      return old.isEmpty ? "\n" : old
    }
    guard let key = value.split(separator: " ").first else { return nil }
    if let line = old.split(separator: "\n").first(where: { $0.split(separator: " ").first == key }) {
      return String(line)
    }
    switch file {
    case "io.max": return key + " rbps=max wbps=max riops=max wiops=max"
    case "io.weight": return key + " default"
    default: return key + " 0"
    }
  }
}

/// Why a cgroup's limits are written.
enum Purpose: Equatable {
  /// For the first time: what is the kernel's default is not written, and a failure leaves removing it to the caller.
  case create
  /// Anew: zero leaves a value as it is, and either all of it takes effect or none.
  case update
}

/// What was changed in one directory, to be able to take it back.
struct Journal {
  var entries: [(directory: String, file: String, value: String)] = []

  /// Writes the old values back, the last first; twice, because some depend on each other.
  mutating func rollBack() {
    for _ in 0..<2 {
      entries = entries.reversed().filter { entry in
        do throws(SystemError) {
          try openFile(entry.directory + "/" + entry.file, .writeOnly).write(entry.value)
          return false
        } catch {
          return true
        }
      }
      if entries.isEmpty { return }
      entries.reverse()
    }
  }
}

extension ControlDirectory {
  /// Writes the settings in their order.
  func apply(_ settings: [Setting], _ journal: inout Journal?) throws(Failure) {
    var index = 0
    while index < settings.count {
      var end = index + 1
      if settings[index].isExchangeable {
        while end < settings.count && settings[end].isExchangeable { end += 1 }
      }
      try apply(group: settings[index..<end], &journal)
      index = end
    }
  }

  /// Goes round until all are written, as long as each round gets one further.
  private func apply(group: ArraySlice<Setting>, _ journal: inout Journal?) throws(Failure) {
    var pending = Array(group)
    while !pending.isEmpty {
      var postponed: [Setting] = []
      var first: Failure?
      for setting in pending {
        guard let failure = try write(setting, &journal) else { continue }
        postponed.append(setting)
        if first == nil { first = failure }
      }
      if let first, postponed.count == pending.count { throw first }
      pending = postponed
    }
  }

  /// - Returns: why an exchangeable one is not possible yet.
  private func write(_ setting: Setting, _ journal: inout Journal?) throws(Failure) -> Failure? {
    let old = journal == nil ? nil : try read(setting.file)
    guard let error = tryWrite(setting.value, to: setting.file) else {
      if let old, let undo = setting.undo(old) { journal!.entries.append((path, setting.file, undo)) }
      return nil
    }
    if error.errno == .noSuchFileOrDirectory, let other = setting.orElse.first { return try write(other, &journal) }
    if setting.mayBeMissing && (error.errno == .noSuchFileOrDirectory || error.errno == .notSupported) {
      return nil
    }
    let failure = failure(setting.value, setting.file, error)
    if setting.isExchangeable && error.errno == .invalidArgument { return failure }
    throw failure
  }
}

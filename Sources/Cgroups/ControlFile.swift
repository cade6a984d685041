import Linux

/// The files of one cgroup's directory, by name; each error tells file, value and reason.
struct ControlDirectory: ~Copyable {
  let path: String
  private let directory: Directory

  init(_ path: String) throws(Failure) {
    self.path = path
    directory = try step("cgroup: " + path) { () throws(SystemError) in try Directory(path: path, .path) }
  }

  var descriptor: Int32 { directory.descriptor.number }

  /// Writes in one call. See ``explain(_:_:_:)`` for the error.
  func write(_ value: String, to file: String) throws(Failure) {
    if let error = tryWrite(value, to: file) { throw failure(value, file, error) }
  }

  /// Writes, and hands the reason back when that fails.
  func tryWrite(_ value: String, to file: String) -> SystemError? {
    do throws(SystemError) {
      try directory.write(value, to: file)
      return nil
    } catch {
      return error
    }
  }

  /// Writes several lines into one open file, each in a call of its own, as list files want it.
  func write(lines: [String], to file: String) throws(Failure) {
    if lines.isEmpty { return }
    let open: Descriptor
    do throws(SystemError) {
      open = try directory.open(file, .writeOnly)
    } catch {
      throw failure(lines[0], file, error)
    }
    for line in lines {
      do throws(SystemError) {
        try open.write(line)
      } catch {
        throw failure(line, file, error)
      }
    }
  }

  /// The content, without the line break at its end; `nil` when there is no such file.
  func read(_ file: String) throws(Failure) -> String? {
    do throws(SystemError) {
      return try directory.readLine(file)
    } catch {
      if error.errno == .noSuchFileOrDirectory { return nil }
      throw Failure("cgroup: read " + path + "/" + file, error.on(""))
    }
  }

  func contains(_ file: String) -> Bool { directory.contains(file) }

  func failure(_ value: String, _ file: String, _ error: SystemError) -> Failure {
    var text = "cgroup: write \"" + value + "\" to " + path + "/" + file + ": " + error.errno.description
    if let hint = ControlDirectory.hint(file, error, directory) { text += "; " + hint }
    return Failure(text, errno: error.errno)
  }

  /// What a person should look at.
  private static func hint(_ file: String, _ error: SystemError, _ directory: borrowing Directory) -> String? {
    switch error.errno {
    case .noSuchFileOrDirectory:
      if file.hasPrefix("memory.memsw") { return "the kernel does not account swap: boot it with swapaccount=1" }
      if file.hasPrefix("hugetlb.") {
        return "no such page size, or no hugetlb controller here"
      }
      guard directory.contains("cgroup.controllers") else { return "this kernel or hierarchy does not have the file" }
      return "the controller is not enabled here: see cgroup.subtree_control of the directories above, "
        + "and whether one of them holds processes itself"
    case .resourceBusy:
      if file == "memory.limit_in_bytes" { return "more memory than that is in use and cannot be reclaimed" }
      return nil
    case .permissionDenied, .notPermitted:
      return file.hasPrefix("devices.")
        ? "the cgroup above does not allow that device" : "the cgroup is not delegated to this user"
    case .invalidArgument:
      if file == "cpu.cfs_quota_us" || file == "cpu.cfs_period_us" || file == "cpu.max" {
        return "period 1000 to 1000000 microseconds, quota at least 1000, not above that of the cgroup above"
      }
      return nil
    default: return nil
    }
  }
}

/// What a control file says, or `nil` when it cannot be read.
func readControl(_ path: String) -> String? {
  guard let file = try? openFile(path), var bytes = try? file.read(upTo: 4096) else { return nil }
  while let last = bytes.last, last == UInt8(ascii: "\n") || last == 0 { bytes.removeLast() }
  return String(decoding: bytes, as: UTF8.self)
}

import Linux

/// Which device programs the kernel has from containers before, so that one with the same rules shares theirs.
///
/// Loading one is the dearest step of making a container's cgroup, since the kernel proves that the program does no harm. It
/// lives as long as some cgroup has it, and ends with the last container that it is for: nothing is kept but a note of it.
///
/// A note is a file `devices-N`, where N is the number of instructions:
///
///     id of the program | when it was loaded | struct bpf_insn[N]       each 8 bytes, least significant first
///
/// It is written in place: whatever is wrong with it only means that a program is loaded.
public struct LoadedDevicePrograms: Sendable {
  /// Absolute path of a directory of the runtime's own; made with the first note.
  public let directory: String

  public init(directory: String) { self.directory = directory }

  /// The program of these instructions, loaded if need be.
  func program(_ instructions: [BPFInstruction]) throws(SystemError) -> DeviceProgram {
    let note = directory + "/devices-" + String(instructions.count)
    var code: [UInt8] = []
    code.reserveCapacity(instructions.count * 8)
    for instruction in instructions { code.append(littleEndian: instruction.word) }
    if let identity = identity(of: code, in: note), let program = DeviceProgram.find(identity) { return program }
    let program = try DeviceProgram(instructions)
    try? write(note, try program.identity, code)
    return program
  }

  private static let header = 16

  private func identity(of code: [UInt8], in note: String) -> DeviceProgram.Identity? {
    do throws(SystemError) {
      // Non-blocking: whatever lies there, opening it does not wait.
      let file = try openFile(note, [.readOnly, .noFollow, .nonBlocking])
      let status = try file.status()
      guard status.isRegular, status.isOurs else { return nil }
      let bytes = try file.read(upTo: LoadedDevicePrograms.header + code.count)
      guard bytes.count == LoadedDevicePrograms.header + code.count,
        bytes[LoadedDevicePrograms.header...].elementsEqual(code)
      else { return nil }
      let (id, loadTime) = (bytes[0..<8].littleEndianWord, bytes[8..<16].littleEndianWord)
      return DeviceProgram.Identity(id: UInt32(truncatingIfNeeded: id), loadTime: loadTime)
    } catch {
      return nil
    }
  }

  private func write(_ note: String, _ identity: DeviceProgram.Identity, _ code: [UInt8]) throws(SystemError) {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(LoadedDevicePrograms.header + code.count)
    bytes.append(littleEndian: UInt64(identity.id))
    bytes.append(littleEndian: identity.loadTime)
    bytes += code
    let flags: OpenFlags = [.writeOnly, .create, .noFollow, .nonBlocking]
    do throws(SystemError) {
      try openFile(note, flags, mode: 0o600).write(bytes)
    } catch {
      guard error.errno == .noSuchFileOrDirectory else { throw error }
      try makeDirectories(directory, mode: 0o700)
      try openFile(note, flags, mode: 0o600).write(bytes)
    }
  }
}

extension ArraySlice<UInt8> {
  fileprivate var littleEndianWord: UInt64 { reversed().reduce(0) { $0 << 8 | UInt64($1) } }
}

import Linux
import OCI

/// Compiled programs, kept from one container to the next.
///
/// libseccomp needs 13 ms for Docker's profile, more than all the rest of a container's start. A file for each profile
/// lies in a directory of the runtime's own; its name is the ``Key`` of everything that shapes the program. Whatever is
/// wrong with a file, or with the directory, only means that the program is compiled again.
///
/// A file is the program and, behind it so that nothing has to be moved, a trailer:
///
///     struct sock_filter[n] | "apusbpf1" | fingerprint of key and program, 32 bytes
public struct SeccompCache: Sendable {
  /// Absolute path; made when the first program is stored.
  public let directory: String

  /// How many programs are kept.
  public static let capacity = 64

  public init(directory: String) { self.directory = directory }

  private static let trailer = 40
  private static var mark: UInt64 { 0x3166_7062_7375_7061 }  // "apusbpf1", least significant first

  /// The program with that key; `nil` when it is not there, or not as it was written.
  func load(_ key: Key) -> [UInt8]? {
    do {
      // Non-blocking: whatever lies there, opening it does not wait.
      let file = try openFile(directory + "/" + key.fileName, [.readOnly, .noFollow, .nonBlocking])
      let status = try file.status()
      let size = Int(clamping: status.size)
      guard status.isRegular, status.isOurs,
        size > SeccompCache.trailer, size % 8 == 0, size <= ClassicBPF.maximum * 8 + SeccompCache.trailer
      else { return nil }
      var bytes = try file.read(upTo: size)
      guard bytes.count == size else { return nil }
      let end = size - SeccompCache.trailer
      let expected = SeccompCache.trailer(of: bytes.span.extracting(first: end), key)
      for index in expected.indices where bytes[end + index] != expected[index] { return nil }
      bytes.removeLast(SeccompCache.trailer)
      return bytes
    } catch {
      return nil
    }
  }

  /// Keeps a program, or does not: a full or read-only file system is no reason to fail.
  func store(_ program: [UInt8], _ key: Key) {
    do {
      try makeDirectories(directory, mode: 0o700)
      let place = try Directory(path: directory, [.readOnly, .noFollow])
      guard try place.descriptor.status().isOurs else { return }
      // Written aside and renamed: readers see all of it or nothing. Whoever is killed here leaves a file that
      // `prune` takes away some day.
      let temporary = "." + key.fileName + "." + String(CurrentProcess.pid)
      let file = try place.open(temporary, [.writeOnly, .create, .exclusive, .noFollow], mode: 0o600)
      do {
        try file.write(program + SeccompCache.trailer(of: program.span, key))
        try place.rename(temporary, to: key.fileName)
      } catch {
        try place.remove(temporary)
      }
      try prune(place, keeping: key.fileName)
    } catch {}
  }

  /// Keeps the number of files bounded. Which ones go is of no importance, so none is asked for its age: the next
  /// container with that profile compiles it again.
  private func prune(_ place: borrowing Directory, keeping kept: String) throws(SystemError) {
    var names = try place.names()
    names.removeAll { $0 == kept }
    for name in names.dropFirst(SeccompCache.capacity - 1) { try place.remove(name) }
  }

  private static func trailer(of program: Span<UInt8>, _ key: Key) -> [UInt8] {
    var hash = Blake2b()
    hash.add(mark)
    for index in 0..<4 { hash.add(key.digest.words[index]) }
    hash.add(program)
    let digest = hash.finish()
    var bytes: [UInt8] = []
    bytes.reserveCapacity(trailer)
    bytes.append(littleEndian: mark)
    for index in 0..<4 { bytes.append(littleEndian: digest.words[index]) }
    return bytes
  }
}

import Foundation
import Linux
import OCI
import Testing

@testable import Seccomp

@Suite struct FingerprintTests {
  // Computed with another implementation over the bytes 0, 1, 2 … 250, 0, 1 …
  @Test(arguments: [
    (0, "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8"),
    (8, "77065d25b622a8251094d869edf6b4e9ba0708a8db1f239cb68e4eeb45851621"),
    (128, "c3582f71ebb2be66fa5dd750f80baae97554f3b015663c8be377cfcb2488c1d1"),
    (136, "6a35d3dadc62dfe7819519f92181b2f8d38f5e0ed3d51a22cf8a133ab628d6f4"),
    (256, "582f782226018ec33076bd8d1c42413530ac7e1126260ffc0f306ba3befc3f24"),
    (1000, "b372d0608f720c8c3dd41e9c8eecb10143b41abe520b616607e754bf79c08331"),
  ])
  func itIsBLAKE2b(length: Int, expected: String) {
    var hash = Blake2b()
    let message = (0..<length).map { UInt8($0 % 251) }
    hash.add(message.span)
    #expect(hash.finish().hex == expected)
  }

  @Test(
    arguments: [
      ("", [0x0000_0000_0000_0000]), ("abc", [0x0300_0000_0063_6261]), ("abcdefg", [0x0767_6665_6463_6261]),
      ("abcdefgh", [0xff67_6665_6463_6261, 0x0100_0000_0000_0068]), ("ü", [0x0200_0000_0000_bcc3]),
    ] as [(String, [UInt64])])
  func aTextCarriesItsLength(text: String, expected: [UInt64]) {
    var hash = Blake2b()
    hash.add(text)
    var words = Blake2b()
    for word in expected { words.add(word) }
    #expect(hash.finish() == words.finish())
  }
}

@Suite struct KeyTests {
  typealias Profile = Config.Seccomp

  private static let base = Profile(
    defaultAction: .errno, defaultErrnoRet: 1, architectures: [.x86_64], flags: [.log], listenerPath: "/a",
    listenerMetadata: "m",
    syscalls: [
      .init(names: ["read", "write"], action: .allow),
      .init(
        names: ["clone"], action: .errno, errnoRet: 2,
        args: [.init(index: 0, value: 1, valueTwo: 2, op: .maskedEqual)]),
    ])

  private static func changed(_ change: (inout Profile) -> Void) -> Profile {
    var profile = base
    change(&profile)
    return profile
  }

  private func key(_ profile: Profile) -> SeccompCache.Key { .init(profile, failOnUnknownSyscall: false) }

  @Test(arguments: [
    changed { $0.defaultAction = .trace },
    changed { $0.defaultErrnoRet = 2 },
    changed { $0.defaultErrnoRet = nil },
    changed { $0.architectures = [.x86] },
    changed { $0.architectures = [] },
    changed { $0.architectures.append(.x32) },
    changed { $0.flags = [] },
    changed { $0.flags = [.specAllow] },
    changed { $0.syscalls = [] },
    changed { $0.syscalls.reverse() },
    changed { $0.syscalls[0].names = ["read"] },
    changed { $0.syscalls[0].names = ["readw", "rite"] },
    changed { $0.syscalls[0].names = ["write", "read"] },
    changed { $0.syscalls[0].names[1] = "pwrite" },
    changed { $0.syscalls[0].action = .log },
    changed { $0.syscalls[0].errnoRet = 0 },
    changed { $0.syscalls[1].errnoRet = nil },
    changed { $0.syscalls[1].args = [] },
    changed { $0.syscalls[1].args.append(.init(index: 0, value: 1, valueTwo: 2, op: .maskedEqual)) },
    changed { $0.syscalls[1].args[0].index = 1 },
    changed { $0.syscalls[1].args[0].value = 3 },
    changed { $0.syscalls[1].args[0].value = 1 << 63 },
    changed { $0.syscalls[1].args[0].valueTwo = 3 },
    changed { $0.syscalls[1].args[0].op = .equal },
    // The same names, dealt out otherwise.
    changed {
      $0.syscalls[0].names = ["read"]
      $0.syscalls[1].names = ["write", "clone"]
    },
  ])
  func everyPropertyThatShapesTheProgramChangesTheKey(profile: Profile) {
    #expect(key(profile) != key(KeyTests.base))
  }

  @Test func whatSurroundsTheProfileChangesTheKeyToo() {
    func key(_ unknown: Bool, _ version: (UInt32, UInt32, UInt32), _ native: UInt32) -> SeccompCache.Key {
      .init(KeyTests.base, failOnUnknownSyscall: unknown, libraryVersion: version, nativeArchitecture: native)
    }
    let reference = key(false, (2, 5, 4), Arch.x86_64)
    #expect(key(false, (2, 5, 4), Arch.x86_64) == reference)
    #expect(key(true, (2, 5, 4), Arch.x86_64) != reference)
    #expect(key(false, (3, 5, 4), Arch.x86_64) != reference)
    #expect(key(false, (2, 6, 4), Arch.x86_64) != reference)
    #expect(key(false, (2, 5, 5), Arch.x86_64) != reference)
    #expect(key(false, (2, 5, 4), Arch.aarch64) != reference)
  }

  @Test func theListenerIsNoPartOfTheProgram() throws {
    let other = KeyTests.changed {
      $0.listenerPath = "/b"
      $0.listenerMetadata = nil
    }
    #expect(key(other) == key(KeyTests.base))
  }
}

/// A directory that goes when the test ends.
final class Scratch: Sendable {
  let path: String

  init() throws {
    path = NSTemporaryDirectory() + "apus-seccomp-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}

@Suite struct CacheTests {
  private let scratch: Scratch
  private let cache: SeccompCache
  private let profile = Config.Seccomp(
    defaultAction: .errno, syscalls: [.init(names: ["read", "futex_waitv"], action: .allow)])
  /// Not what compiling would give: it can only have come from the cache.
  private let planted = [UInt8](repeating: 7, count: 24)

  init() throws {
    scratch = try Scratch()
    cache = SeccompCache(directory: scratch.path + "/state/.cache")
  }

  private var key: SeccompCache.Key { .init(profile, failOnUnknownSyscall: false) }
  private var file: String { cache.directory + "/" + key.fileName }

  private func instructions() throws -> [UInt8] {
    try SeccompProgram.program(for: profile, cache: cache).instructions
  }

  private func compiled() throws -> [UInt8] { try SeccompProgram.program(for: profile).instructions }

  @Test func theFirstUseStoresAndTheSecondTakesFromTheCache() throws {
    #expect(try instructions() == compiled())
    #expect(cache.load(key) == (try compiled()))
    cache.store(planted, key)
    #expect(try instructions() == planted)
  }

  @Test func theFileIsOursAloneAndNothingElseIsLeft() throws {
    _ = try instructions()
    let attributes = try FileManager.default.attributesOfItem(atPath: file)
    #expect(attributes[.posixPermissions] as? Int == 0o600)
    let directory = try FileManager.default.attributesOfItem(atPath: cache.directory)
    #expect(directory[.posixPermissions] as? Int == 0o700)
    #expect(try FileManager.default.contentsOfDirectory(atPath: cache.directory) == [key.fileName])
  }

  @Test func everyChangedByteIsNoticed() throws {
    cache.store(planted, key)
    let good = try #require(FileManager.default.contents(atPath: file))
    for index in good.indices {
      var bad = good
      bad[index] ^= 0x10
      try rewrite(bad)
      #expect(cache.load(key) == nil, "byte \(index)")
    }
    try rewrite(good)
    #expect(cache.load(key) == planted)
  }

  @Test func aTamperedFileIsReplacedByTheRightProgram() throws {
    let right = try instructions()
    var bad = try #require(FileManager.default.contents(atPath: file))
    bad[bad.startIndex + 4] ^= 0xff
    try rewrite(bad)
    #expect(try instructions() == right)
    #expect(cache.load(key) == right)
  }

  @Test func aFileOfAnotherLengthIsNotUsed() throws {
    cache.store(planted, key)
    let good = try #require(FileManager.default.contents(atPath: file))
    for length in 0..<good.count {
      try rewrite(good.prefix(length))
      #expect(cache.load(key) == nil, "\(length) bytes")
    }
    try rewrite(good + Data(repeating: 0, count: 8))
    #expect(cache.load(key) == nil)
    try rewrite(Data(repeating: 0, count: 8 * 4097 + 40))
    #expect(cache.load(key) == nil)
  }

  @Test func aFileUnderAnotherKeyIsNotUsed() throws {
    cache.store(planted, key)
    let other = SeccompCache.Key(profile, failOnUnknownSyscall: true)
    try FileManager.default.moveItem(atPath: file, toPath: cache.directory + "/" + other.fileName)
    #expect(cache.load(other) == nil)
  }

  @Test func aFileThatOthersCanWriteIsNotUsed() throws {
    cache.store(planted, key)
    for mode in [0o620, 0o602, 0o666] {
      try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file)
      #expect(cache.load(key) == nil)
    }
    try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: file)
    #expect(cache.load(key) == planted)
  }

  @Test(.enabled(if: geteuid() == 0, "giving a file away needs root"))
  func aFileOfAnotherOwnerIsNotUsed() throws {
    cache.store(planted, key)
    #expect(chown(file, 12345, 0) == 0)
    #expect(cache.load(key) == nil)
  }

  @Test func aLinkOrAnythingButAFileIsNotUsed() throws {
    cache.store(planted, key)
    let aside = cache.directory + "/aside"
    try FileManager.default.moveItem(atPath: file, toPath: aside)
    try FileManager.default.createSymbolicLink(atPath: file, withDestinationPath: aside)
    #expect(cache.load(key) == nil)
    try FileManager.default.removeItem(atPath: file)
    #expect(mkfifo(file, 0o600) == 0)
    #expect(cache.load(key) == nil)
    try FileManager.default.removeItem(atPath: file)
    try FileManager.default.createDirectory(atPath: file, withIntermediateDirectories: false)
    #expect(cache.load(key) == nil)
    #expect(try instructions() == compiled())
  }

  @Test func aDirectoryThatOthersCanWriteGetsNothing() throws {
    try FileManager.default.createDirectory(atPath: cache.directory, withIntermediateDirectories: true)
    try FileManager.default.setAttributes([.posixPermissions: 0o777], ofItemAtPath: cache.directory)
    #expect(try instructions() == compiled())
    #expect(try FileManager.default.contentsOfDirectory(atPath: cache.directory).isEmpty)
  }

  @Test(arguments: ["/proc/no/such/place", "/dev/null/cache", ""])
  func aPlaceWhereNothingCanBeKeptOnlyMeansCompiling(directory: String) throws {
    let program = try SeccompProgram.program(for: profile, cache: SeccompCache(directory: directory))
    #expect(program.instructions == (try compiled()))
  }

  @Test func theNumberOfFilesIsBounded() throws {
    for value in 0..<80 {
      var other = profile
      other.defaultErrnoRet = UInt32(value)
      let key = SeccompCache.Key(other, failOnUnknownSyscall: false)
      cache.store(planted, key)
      #expect(cache.load(key) == planted)
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: cache.directory).count == SeccompCache.capacity)
  }

  @Test func writersAndReadersAtTheSameTimeSeeAllOrNothing() throws {
    let programs = (0..<4).map { [UInt8](repeating: UInt8($0), count: 8 * (500 + $0)) }
    let wrong = Counter()
    DispatchQueue.concurrentPerform(iterations: 400) { round in
      if round % 2 == 0 {
        cache.store(programs[round / 2 % 4], key)
      } else if let found = cache.load(key), !programs.contains(found) {
        wrong.increment()
      }
    }
    #expect(wrong.value == 0)
    #expect(cache.load(key).map(programs.contains) == true)
    #expect(try FileManager.default.contentsOfDirectory(atPath: cache.directory) == [key.fileName])
  }

  /// In place, with owner and mode as they were.
  private func rewrite(_ data: Data) throws {
    let handle = try #require(FileHandle(forWritingAtPath: file))
    try handle.truncate(atOffset: 0)
    try handle.write(contentsOf: data)
    try handle.close()
  }

  private final class Counter: @unchecked Sendable {
    private let lock = NSLock()
    private var count = 0
    var value: Int { lock.withLock { count } }
    func increment() { lock.withLock { count += 1 } }
  }
}

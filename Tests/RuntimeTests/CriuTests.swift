import Linux
import TestSupport
import Testing

@testable import Runtime

/// The encoding of CRIU's messages (protobuf.dev, "Encoding").
@Suite struct ProtobufTests {
  private static func written(_ write: (inout ProtobufWriter) -> Void) -> [UInt8] {
    var writer = ProtobufWriter()
    write(&writer)
    return writer.bytes
  }

  @Test func fieldsAreWrittenAsTheSpecificationSays() {
    #expect(ProtobufTests.written { $0.number(1, 150) } == [0x08, 0x96, 0x01])
    #expect(ProtobufTests.written { $0.string(2, "testing") } == [0x12, 7] + Array("testing".utf8))
    #expect(ProtobufTests.written { $0.message(3) { $0.number(1, 150) } } == [0x1a, 3, 0x08, 0x96, 0x01])
    #expect(ProtobufTests.written { $0.bool(1, true) } == [0x08, 1])
    #expect(ProtobufTests.written { $0.int32(1, -2) } == [0x08, 0xfe] + [UInt8](repeating: 0xff, count: 8) + [1])
    #expect(ProtobufTests.written { $0.number(16, 0) } == [0x80, 0x01, 0])
  }

  @Test func whatIsWrittenIsRead() throws {
    let bytes = ProtobufTests.written {
      $0.int32(1, -7)
      $0.string(2, "é")
      $0.message(300) { $0.bool(4, true) }
      $0.number(5, .max)
    }
    var reader = ProtobufReader(bytes[...])
    #expect(try reader.next()?.int32 == -7)
    #expect(try reader.next()?.string == "é")
    let message = try #require(try reader.next())
    #expect(message.field == 300)
    var inner = ProtobufReader(message.bytes)
    #expect(try inner.next()?.bool == true)
    #expect(try reader.next()?.number == .max)
    #expect(try reader.next() == nil)
  }

  /// Numbers of four and eight bytes, which CRIU may come to send.
  @Test func otherFormsArePassedOver() throws {
    let bytes: [UInt8] = [0x0d, 1, 2, 3, 4, 0x11, 1, 2, 3, 4, 5, 6, 7, 8, 0x18, 9]
    var reader = ProtobufReader(bytes[...])
    #expect(try reader.next()?.field == 1)
    #expect(try reader.next()?.field == 2)
    #expect(try reader.next()?.number == 9)
    #expect(try reader.next() == nil)
  }

  @Test(
    arguments: [
      [0x08], [0x08, 0x80], [0x12, 5, 1], [0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1],
      [0x0d, 1, 2],
      [0x11, 1], [0x0b], [0x0c], [0x0e], [0x00, 1], [UInt8](repeating: 0xff, count: 11),
    ] as [[UInt8]])
  func whatBreaksTheRulesIsMalformed(_ bytes: [UInt8]) {
    var reader = ProtobufReader(bytes[...])
    #expect(throws: ProtobufMalformed.self) { while try reader.next() != nil {} }
  }
}

/// What is said to CRIU, and what it answers.
@Suite struct CriuMessageTests {
  @Test func requestsHaveTheirNumbers() {
    #expect(CriuRequest.version.encoded(keepsOpen: true) == [0x08, 10, 0x20, 1])
    #expect(CriuRequest.featureCheck.encoded(keepsOpen: true) == [0x08, 9, 0x20, 1, 0x2a, 4, 0x08, 1, 0x10, 1])
    #expect(CriuRequest.notified(true) == [0x08, 6, 0x18, 1])
    #expect(CriuRequest.notified(false) == [0x08, 6, 0x18, 0])
  }

  @Test func aDumpIsAskedForWithItsOptions() {
    var options = CriuOptions(imagesDirectory: 5, workDirectory: 6)
    options.logFile = "l"
    options.pid = 300
    options.flags = [CriuOptions.Flag.leaveRunning]
    options.external = ["a"]
    options.networkLock = .skip
    let opts: [UInt8] =
      [0x08, 5, 0x10, 0xac, 0x02, 0x18, 1, 0x48, 4, 0x52, 1, 0x6c, 0x88, 0x01, 6, 0x90, 0x02, 3, 0xaa, 0x02, 1, 0x61]
      + [0x80, 0x04, 3]
    #expect(CriuRequest.dump.encoded(options) == [0x08, 1, 0x12, UInt8(opts.count)] + opts)
  }

  @Test func whatHasPartsIsOneMessageEach() {
    var options = CriuOptions(imagesDirectory: 0, workDirectory: 0)
    options.pageServer = ("h", 9)
    options.cgroupRoots = [CriuPair(key: "c", value: "/")]
    options.inherited = [CriuInherited(key: "k", number: 1)]
    options.joined = [CriuPair(key: "ipc", value: "/p")]
    var writer = ProtobufWriter()
    options.encode(&writer)
    var found: [UInt64: [UInt8]] = [:]
    var reader = ProtobufReader(writer.bytes[...])
    while let field = try? reader.next() { found[field.field] = Array(field.bytes) }
    #expect(found[11] == [0x0a, 1, 0x68, 0x10, 9])
    #expect(found[25] == [0x0a, 1, 0x63, 0x12, 1, 0x2f])
    #expect(found[27] == [0x0a, 1, 0x6b, 0x10, 1])
    #expect(found[39] == [0x0a, 3, 0x69, 0x70, 0x63, 0x12, 2, 0x2f, 0x70])
  }

  @Test func answersAreRead() throws {
    let version = try CriuResponse([0x08, 10, 0x10, 1, 0x52, 6, 0x08, 3, 0x10, 17, 0x20, 1])
    #expect(version.kind == CriuRequest.version.rawValue && version.succeeded && version.version == 31701)
    let notification = try CriuResponse([0x08, 6, 0x10, 1, 0x2a, 7, 0x0a, 2, 0x68, 0x69, 0x10, 0xac, 0x02])
    #expect(notification.script == "hi" && notification.pid == 300)
    let failure = try CriuResponse([0x08, 2, 0x10, 0, 0x38, 17, 0x4a, 2, 0x6e, 0x6f])
    #expect(!failure.succeeded && failure.errno == 17 && failure.message == "no")
    // With the pid, which was told before.
    #expect(try CriuResponse([0x08, 2, 0x10, 1, 0x22, 2, 0x08, 42]).succeeded)
    let features = try CriuResponse([0x08, 9, 0x10, 1, 0x42, 2, 0x08, 1])
    #expect(features.tracksMemory && !features.hasLazyPages)
  }

  /// Kind and success are required.
  @Test(arguments: [[], [0x08, 1], [0x10, 1]] as [[UInt8]])
  func anAnswerWithoutAResultIsMalformed(_ bytes: [UInt8]) {
    #expect(throws: ProtobufMalformed.self) { try CriuResponse(bytes) }
  }

  /// A peer may say anything: it is read, or it is malformed; never a crash, and never a read beyond the end.
  @Test func mutatedAnswersNeverCrash() {
    let seed: [UInt8] =
      [0x08, 6, 0x10, 1, 0x2a, 7, 0x0a, 2, 0x68, 0x69, 0x10, 0xac, 0x02, 0x52, 6, 0x08, 3, 0x10, 17, 0x20, 1]
      + [0x22, 2, 0x08, 42, 0x42, 2, 0x08, 1, 0x38, 17, 0x4a, 2, 0x6e, 0x6f]
    var random = SeededGenerator(state: 20)
    var readable = 0
    for round in 0..<50_000 {
      var bytes = seed
      for _ in 0...(round % 4) {
        let place = Int.random(in: 0..<bytes.count, using: &random)
        switch round % 3 {
        case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
        case 1: bytes.insert(UInt8.random(in: 0...255, using: &random), at: place)
        default: bytes.remove(at: place)
        }
      }
      if (try? CriuResponse(bytes)) != nil { readable += 1 }
    }
    #expect(readable > 0 && readable < 50_000)
  }

  @Test func theLogTellsTheErrors() {
    let log = """
      (00.000001) Version: 3.17.1 (gitid 0)
      (00.000002) Error (criu/mount.c:12): mnt: no such mount
      (00.000003) Error (criu/mount.c:12): mnt: no such mount
      (00.000004)     12: Error (criu/files.c:3): second
      Error (criu/util.c:627): execvp("ip", ...) failed
      (00.000005) Error (criu/cr-dump.c:2053): Dumping FAILED.
      Error (
      """
    #expect(
      Criu.errors(in: Array(log.utf8)) == [
        "mnt: no such mount", "second", #"execvp("ip", ...) failed"#,
      ])
  }
}

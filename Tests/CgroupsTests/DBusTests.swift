import Foundation
import Testing

@testable import Cgroups

/// The wire format of D-Bus.
@Suite struct DBusTests {
  private static func call() -> DBusMessage {
    var message = DBusMessage(.call, serial: 7)
    message.path = "/a"
    message.interface = "b.c"
    message.member = "D"
    message.destination = "e.f"
    message.signature = "su"
    return message
  }

  @Test func aCallIsWrittenAsTheSpecificationSays() {
    let bytes = DBusTests.call().encoded { writer in
      writer.string("hi")
      writer.integer(UInt32(5))
    }
    var expected: [UInt8] = Array("l".utf8) + [1, 0, 1, 12, 0, 0, 0, 7, 0, 0, 0, 67, 0, 0, 0]
    expected += [1] + [1, 0x6f, 0] + [2, 0, 0, 0] + Array("/a\0".utf8) + [0, 0, 0, 0, 0]
    expected += [2] + [1, 0x73, 0] + [3, 0, 0, 0] + Array("b.c\0".utf8) + [0, 0, 0, 0]
    expected += [3] + [1, 0x73, 0] + [1, 0, 0, 0] + Array("D\0".utf8) + [0, 0, 0, 0, 0, 0]
    expected += [6] + [1, 0x73, 0] + [3, 0, 0, 0] + Array("e.f\0".utf8) + [0, 0, 0, 0]
    expected += [8] + [1, 0x67, 0] + [2] + Array("su\0".utf8)
    #expect(expected.count == 16 + 72)
    expected[12] = 72
    expected += [2, 0, 0, 0] + Array("hi\0".utf8) + [0] + [5, 0, 0, 0]
    #expect(bytes == expected)
  }

  @Test func whatIsWrittenIsReadBack() throws {
    let bytes = DBusTests.call().encoded { writer in
      writer.string("hi")
      writer.integer(UInt32(5))
    }
    #expect(try DBusMessage.size(bytes) == bytes.count)
    #expect(try DBusMessage.size(Array(bytes.prefix(15))) == nil)
    let message = try DBusMessage(bytes)
    #expect(message.path == "/a" && message.interface == "b.c" && message.member == "D")
    #expect(message.kind == .call && message.serial == 7 && message.signature == "su")
    var body = message.body
    #expect(try body.string() == "hi")
    #expect(try body.integer() == 5)
    #expect(body.isAtEnd)
  }

  @Test func aBigEndianPeerIsUnderstood() throws {
    var bytes: [UInt8] = Array("B".utf8) + [3, 0, 1, 0, 0, 0, 7, 0, 0, 0, 9, 0, 0, 0, 23]
    bytes += [4, 1, 0x73, 0, 0, 0, 0, 2] + Array("a.\0".utf8) + [0, 0, 0, 0, 0] + [5, 1, 0x75, 0, 0, 0, 1, 2]
    bytes[15] = 24
    bytes += [0, 0, 0, 2] + Array("no\0".utf8)
    let message = try DBusMessage(bytes)
    #expect(message.kind == .error && message.error == "a." && message.replyTo == 258 && message.serial == 9)
    var body = message.body
    #expect(try body.string() == "no")
  }

  @Test(arguments: [
    (DBusValue.bool(true), "b", [1, 0, 0, 0]), (.byte(9), "y", [9]), (.int16(-2), "n", [254, 255]),
    (.uint16(258), "q", [2, 1]), (.int32(-1), "i", [255, 255, 255, 255]), (.uint32(1), "u", [1, 0, 0, 0]),
    (.int64(-1), "x", [255, 255, 255, 255, 255, 255, 255, 255]), (.uint64(513), "t", [1, 2, 0, 0, 0, 0, 0, 0]),
    (.string("a"), "s", [1, 0, 0, 0, 97, 0]), (.objectPath("/"), "o", [1, 0, 0, 0, 47, 0]),
    (.bytes([5, 6]), "ay", [2, 0, 0, 0, 5, 6]), (.numbers([7]), "au", [4, 0, 0, 0, 7, 0, 0, 0]),
    (.strings(["a", "b"]), "as", [14, 0, 0, 0, 1, 0, 0, 0, 97, 0, 0, 0, 1, 0, 0, 0, 98, 0]),
    (
      .pairs(["a", "b"]), "a(ss)",
      [14, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 97, 0, 0, 0, 1, 0, 0, 0, 98, 0]
    ),
    (.pairs([]), "a(ss)", [0, 0, 0, 0, 0, 0, 0, 0]),
  ])
  func aValueHasTheFormOfItsType(_ value: DBusValue, _ signature: String, _ bytes: [UInt8]) {
    var writer = DBusWriter()
    writer.value(value)
    #expect(value.signature == signature)
    #expect(writer.bytes == bytes)
  }

  /// A peer may say anything: it is read, or it is malformed; never a crash, and never a read beyond the end.
  @Test func mutatedMessagesNeverCrash() {
    var signal = DBusMessage(.signal, serial: 1)
    signal.path = "/org/freedesktop/systemd1"
    signal.interface = "org.freedesktop.systemd1.Manager"
    signal.member = "JobRemoved"
    signal.signature = "uoss"
    let seed = signal.encoded { writer in
      writer.integer(UInt32(4))
      for text in ["/job/4", "a.scope", "done"] { writer.string(text) }
    }
    var random = SystemRandomNumberGenerator()
    var readable = 0
    for round in 0..<100_000 {
      var bytes = seed
      for _ in 0...(round % 4) {
        let place = Int.random(in: 0..<bytes.count, using: &random)
        switch round % 3 {
        case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
        case 1: bytes[place] ^= 1 << UInt8.random(in: 0...7, using: &random)
        default: bytes.removeSubrange(place...)
        }
        if bytes.isEmpty { break }
      }
      guard let size = try? DBusMessage.size(bytes) else { continue }
      if size <= 1 << 16 { bytes += [UInt8](repeating: 0, count: max(0, size - bytes.count)) }
      guard let message = try? DBusMessage(Array(bytes.prefix(size))) else { continue }
      readable += 1
      var body = message.body
      _ = try? body.integer()
      while (try? body.string()) != nil && !body.isAtEnd {}
    }
    #expect(readable > 0)
  }

  @Test(arguments: [
    ("unix:path=/run/user/1000/bus", "/run/user/1000/bus"), ("unix:path=/a%20b,guid=12", "/a b"),
    ("tcp:host=x;unix:guid=1,path=/y", "/y"), ("unix:abstract=/tmp/x", ""), ("", ""), ("unix:path=/%", "/%"),
  ])
  func thePathIsFoundInAnAddress(_ address: String, _ path: String) {
    #expect(SystemdManager.path(inAddress: address) == path)
  }

  @Test func theUnknownPropertyIsNamed() {
    #expect(SystemdManager.unknownProperty("Cannot set property AllowedCPUs, or unknown property.") == "AllowedCPUs")
    #expect(SystemdManager.unknownProperty("Value specified in CPUWeight is out of range") == "CPUWeight")
    #expect(SystemdManager.unknownProperty("Access denied") == nil)
  }
}

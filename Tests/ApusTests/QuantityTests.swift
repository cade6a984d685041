import Linux
import Testing

@testable import apus

/// Sizes and times as people write them.
@Suite struct Quantities {
  @Test(
    arguments: [
      ("0", 0), ("1", 1), ("-1", -1), ("67108864", 67_108_864), ("64k", 65_536), ("64K", 65_536), ("64kb", 65_536),
      ("64KiB", 65_536), ("64 KiB", 65_536), ("1b", 1), ("64M", 67_108_864), ("1.5g", 1_610_612_736), ("0.5k", 512),
      ("1.000000001G", 1_073_741_825), ("2T", 2_199_023_255_552), ("8191.999999999P", 9_223_372_036_853_649_908),
      ("9223372036854775807", 9_223_372_036_854_775_807),
    ] as [(String, Int64)])
  func aSizeIsRead(_ text: String, as bytes: Int64) throws {
    #expect(try Update.size(text) == bytes)
  }

  @Test(
    arguments: [
      "", " ", "M", "-2", "-1M", "1.", ".5M", "1.5.5", "64X", "64MM", "64M ", " 64M", "64  M", "0x10", "1e6",
      "9223372036854775808", "8192P", "99999999999999999999", "1.0000000001G", "64iB", "64bb", "64٣",
    ])
  func whatIsNoSizeIsRefused(_ text: String) {
    #expect(throws: Failure.self) { try Update.size(text) }
  }

  @Test(
    arguments: [
      ("5", 5000), ("5s", 5000), ("500ms", 500), ("1m30s", 90_000), ("1.5s", 1500), ("1h", 3_600_000), ("0.25", 250),
      ("1000us", 1), ("1h0m0.001s", 3_600_001), ("24h", 86_400_000),
    ] as [(String, Int64)])
  func aTimeIsRead(_ text: String, as milliseconds: Int64) throws {
    #expect(try Events.duration(text) == milliseconds)
  }

  @Test(
    arguments: [
      "", "0", "0s", "-1s", "s", "5x", "1s5", "1 s", "5S", "1us", "0.0001ms", "99999999999h", "2147483648h2147483648h",
      "1.1234567s", ".",
    ])
  func whatIsNoTimeIsRefused(_ text: String) {
    #expect(throws: Failure.self) { try Events.duration(text) }
  }
}

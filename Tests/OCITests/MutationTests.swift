import JSON
import OCI
import TestSupport
import Testing

/// What a careless or malicious hand writes into a document.
private let fragments: [[UInt8]] = [
  "null", "true", "-1", "0", "1e9", "1.5", "99999999999999999999999", "18446744073709551615", "-9223372036854775809",
  "\"\"", "\"/\"", "{}", "[]", "[[", "}", "]", ",", ":", "\"", "\\", "\\u0000", "\\ud800", "\u{0}", "é", "64M",
].map { Array($0.utf8) }

private func mutate(_ text: inout [UInt8], _ random: inout SeededGenerator) {
  for _ in 0..<Int.random(in: 1...3, using: &random) {
    guard !text.isEmpty else { return }
    let place = Int.random(in: 0..<text.count, using: &random)
    let end = min(text.count, place + Int.random(in: 0...12, using: &random))
    switch UInt8.random(in: 0..<6, using: &random) {
    case 0: text[place] = UInt8.random(in: 0...255, using: &random)
    case 1: text[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
    case 2: text.removeSubrange(place..<end)
    case 3: text.insert(contentsOf: fragments[Int.random(in: 0..<fragments.count, using: &random)], at: place)
    case 4: text.replaceSubrange(place..<end, with: fragments[Int.random(in: 0..<fragments.count, using: &random)])
    default: text.insert(contentsOf: text[place..<end], at: Int.random(in: 0...text.count, using: &random))
    }
  }
}

/// Decodes, validates and encodes `count` damaged copies of `text`: each is refused in one clear line, or survives
/// encoding.
private func attack<T: JSONDocument & Equatable>(
  _ text: [UInt8], as type: T.Type, count: Int, seed: UInt64, validate: (T) -> Void = { _ in }
) {
  var random = SeededGenerator(state: seed)
  var refused = 0
  for _ in 0..<count {
    var damaged = text
    mutate(&damaged, &random)
    do throws(JSON.Error) {
      let value = try T(json: damaged, file: "f")
      validate(value)
      let again = try T(json: value.json(), file: "again")
      if again != value { Issue.record("not the same after encoding: \(String(decoding: damaged, as: UTF8.self))") }
    } catch {
      refused += 1
      if error.file != "f" || error.message.isEmpty || error.line < 1 || error.column < 1 {
        Issue.record("no good error: \(error) for \(String(decoding: damaged, as: UTF8.self))")
      }
    }
  }
  // Both outcomes must have been exercised.
  #expect(refused > count / 10)
  #expect(refused < count)
}

@Test func ninetyThousandDamagedSmallDocumentsNeverCrash() throws {
  let config = try Examples.document("config/good/linux-rdma.json")
  attack(config, as: Config.self, count: 50_000, seed: 1) { _ = $0.validate() }
  let start = try Examples.document("config/good/minimal-for-start.json")
  attack(start, as: Config.self, count: 30_000, seed: 2) { _ = $0.validate() }
  attack(try Examples.document("state/good/spec-example.json"), as: State.self, count: 15_000, seed: 3)
}

@Test func damagedLargeDocumentsNeverCrash() throws {
  attack(complete.json(), as: Config.self, count: 2_500, seed: 4) { _ = $0.validate() }
  attack(
    try Examples.document("config/good/spec-example.json"), as: Config.self, count: 1_500, seed: 5
  ) { _ = $0.validate() }
  attack(try Examples.document("features/good/runc.json"), as: Features.self, count: 1_000, seed: 6)
}

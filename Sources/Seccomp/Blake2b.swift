/// A 256-bit fingerprint.
struct Digest: Equatable {
  let words: SIMD4<UInt64>

  /// 64 lower-case digits, the bytes in RFC 7693's order.
  var hex: String {
    let digits: InlineArray<16, UInt8> = [
      0x30, 0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66,
    ]
    var text: [UInt8] = []
    text.reserveCapacity(64)
    for index in 0..<32 {
      let byte = Int(truncatingIfNeeded: words[index / 8] >> UInt64(index % 8 * 8)) & 0xff
      text.append(digits[byte >> 4])
      text.append(digits[byte & 15])
    }
    return String(decoding: text, as: UTF8.self)
  }
}

/// BLAKE2b with a 256-bit result (RFC 7693), over a message of 64-bit words.
///
/// Why this one: the fingerprint of a profile is all that stands between a container and another one's filter, so it
/// must be collision-free in practice (256 bits) though both come from trusted places; and it is computed at every
/// start, where SHA-256 without its processor instructions needs three times as long. Working on 64-bit words it needs
/// no byte buffer, and instructions of BPF are words already.
struct Blake2b {
  private var low: SIMD4<UInt64>
  private var high: SIMD4<UInt64>
  private var block = InlineArray<16, UInt64>(repeating: 0)
  private var filled = 0
  private var compressed: UInt64 = 0

  // The first words of SHA-512, as RFC 7693, 2.6 has them.
  private static var initialLow: SIMD4<UInt64> {
    SIMD4(0x6a09_e667_f3bc_c908, 0xbb67_ae85_84ca_a73b, 0x3c6e_f372_fe94_f82b, 0xa54f_f53a_5f1d_36f1)
  }
  private static var initialHigh: SIMD4<UInt64> {
    SIMD4(0x510e_527f_ade6_82d1, 0x9b05_688c_2b3e_6c1f, 0x1f83_d9ab_fb41_bd6b, 0x5be0_cd19_137e_2179)
  }

  init() {
    low = Blake2b.initialLow
    high = Blake2b.initialHigh
    low[0] ^= 0x0101_0020  // no key, 32 bytes of result
  }

  /// Adds eight bytes, least significant first.
  @inline(__always)
  mutating func add(_ word: UInt64) {
    if filled == 16 { compress(isLast: false) }
    block[filled] = word
    filled += 1
  }

  /// Adds bytes, filled up with zeros to a multiple of eight: whoever adds texts adds their lengths too.
  mutating func add(_ bytes: Span<UInt8>) {
    var index = 0
    while index + 8 <= bytes.count {
      var word = UInt64(bytes[index])
      for place in 1..<8 { word |= UInt64(bytes[index + place]) << UInt64(place * 8) }
      add(word)
      index += 8
    }
    if index == bytes.count { return }
    var rest: UInt64 = 0
    for place in 0..<(bytes.count - index) { rest |= UInt64(bytes[index + place]) << UInt64(place * 8) }
    add(rest)
  }

  /// Adds a text's length and its bytes.
  mutating func add(_ text: String) {
    add(UInt64(text.utf8.count))
    add(text.utf8Span.span)
  }

  /// The fingerprint of all that was added.
  consuming func finish() -> Digest {
    compress(isLast: true)
    return Digest(words: low)
  }

  /// RFC 7693, 3.2: the four rows of its matrix, mixed by columns, then by diagonals.
  private mutating func compress(isLast: Bool) {
    compressed += UInt64(filled * 8)
    var a = low
    var b = high
    var c = Blake2b.initialLow
    var d = Blake2b.initialHigh ^ SIMD4(compressed, 0, isLast ? UInt64.max : 0, 0)
    for round in 0..<12 {
      let order = Blake2b.order[round % 10]
      mix(&a, &b, &c, &d, words(order, 0), words(order, 1))
      b = SIMD4(b.y, b.z, b.w, b.x)
      c = SIMD4(c.z, c.w, c.x, c.y)
      d = SIMD4(d.w, d.x, d.y, d.z)
      mix(&a, &b, &c, &d, words(order, 8), words(order, 9))
      b = SIMD4(b.w, b.x, b.y, b.z)
      c = SIMD4(c.z, c.w, c.x, c.y)
      d = SIMD4(d.y, d.z, d.w, d.x)
    }
    low ^= a ^ c
    high ^= b ^ d
    block = InlineArray(repeating: 0)
    filled = 0
  }

  /// Every other word of the block from `first` on, in the round's order.
  @inline(__always)
  private func words(_ order: UInt64, _ first: UInt64) -> SIMD4<UInt64> {
    func word(_ position: UInt64) -> UInt64 { block[Int(truncatingIfNeeded: order >> (position * 4)) & 15] }
    return SIMD4(word(first), word(first + 2), word(first + 4), word(first + 6))
  }

  /// RFC 7693, 2.7: the order of the words in each round, the first in the lowest four bits.
  private static let order: InlineArray<10, UInt64> = [
    0xfedc_ba98_7654_3210, 0x357b_20c1_6df9_84ae, 0x4917_63ea_df25_0c8b, 0x8f04_a562_ebcd_1397,
    0xd386_cb1e_fa42_7509, 0x91ef_57d4_38b0_a6c2, 0xb829_3670_a4de_f15c, 0xa268_4f05_931c_e7bd,
    0x5a41_7d2c_803b_9ef6, 0x0dc3_e9bf_5167_482a,
  ]
}

/// RFC 7693, 3.1: the mixing function on four columns at once.
@inline(__always)
private func mix(
  _ a: inout SIMD4<UInt64>, _ b: inout SIMD4<UInt64>, _ c: inout SIMD4<UInt64>, _ d: inout SIMD4<UInt64>,
  _ x: SIMD4<UInt64>, _ y: SIMD4<UInt64>
) {
  a = a &+ b &+ x
  d = rotated(d ^ a, 32)
  c = c &+ d
  b = rotated(b ^ c, 24)
  a = a &+ b &+ y
  d = rotated(d ^ a, 16)
  c = c &+ d
  b = rotated(b ^ c, 63)
}

@inline(__always)
private func rotated(_ value: SIMD4<UInt64>, _ bits: UInt64) -> SIMD4<UInt64> {
  value &>> SIMD4(repeating: bits) | value &<< SIMD4(repeating: 64 - bits)
}

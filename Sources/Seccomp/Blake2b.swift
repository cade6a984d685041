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

  /// Adds bytes, filled up with zeros to a multiple of eight.
  mutating func add(_ bytes: Span<UInt8>) {
    var start = 0
    while bytes.count - start >= 8 {
      add(Blake2b.word(bytes, start, 8))
      start += 8
    }
    if start < bytes.count { add(Blake2b.word(bytes, start, bytes.count - start)) }
  }

  /// Adds a text, seven bytes a word. The eighth says how many there are, or that the text goes on: no two lists of
  /// texts are the same message.
  mutating func add(_ text: String) {
    let bytes = text.utf8Span.span
    var start = 0
    while bytes.count - start > 7 {
      add(Blake2b.word(bytes, start, 7) | 0xff << 56)
      start += 7
    }
    let rest = bytes.count - start
    add(Blake2b.word(bytes, start, rest) | UInt64(rest) << 56)
  }

  @inline(__always)
  private static func word(_ bytes: Span<UInt8>, _ start: Int, _ count: Int) -> UInt64 {
    var word: UInt64 = 0
    for place in 0..<count { word |= UInt64(bytes[start + place]) &<< UInt64(place * 8) }
    return word
  }

  /// The fingerprint of all that was added.
  consuming func finish() -> Digest {
    compress(isLast: true)
    return Digest(words: low)
  }

  /// RFC 7693, 3.2. The rows of its matrix are `a` to `d`; what is mixed are the columns, then the diagonals.
  private mutating func compress(isLast: Bool) {
    compressed += UInt64(filled * 8)
    // Through a span: indexing an InlineArray by a variable copies the whole array each time (Swift 6.3).
    let block = self.block
    let words = block.span
    let (third, fourth) = (Blake2b.initialLow, Blake2b.initialHigh)
    var (a0, a1, a2, a3) = (low.x, low.y, low.z, low.w)
    var (b0, b1, b2, b3) = (high.x, high.y, high.z, high.w)
    var (c0, c1, c2, c3) = (third.x, third.y, third.z, third.w)
    var (d0, d1, d2, d3) = (fourth.x ^ compressed, fourth.y, isLast ? ~fourth.z : fourth.z, fourth.w)
    for round in 0..<12 {
      let order = Blake2b.order(round)
      func word(_ position: UInt64) -> UInt64 { words[Int(truncatingIfNeeded: order &>> (position * 4)) & 15] }
      mix(&a0, &b0, &c0, &d0, word(0), word(1))
      mix(&a1, &b1, &c1, &d1, word(2), word(3))
      mix(&a2, &b2, &c2, &d2, word(4), word(5))
      mix(&a3, &b3, &c3, &d3, word(6), word(7))
      mix(&a0, &b1, &c2, &d3, word(8), word(9))
      mix(&a1, &b2, &c3, &d0, word(10), word(11))
      mix(&a2, &b3, &c0, &d1, word(12), word(13))
      mix(&a3, &b0, &c1, &d2, word(14), word(15))
    }
    low ^= SIMD4(a0 ^ c0, a1 ^ c1, a2 ^ c2, a3 ^ c3)
    high ^= SIMD4(b0 ^ d0, b1 ^ d1, b2 ^ d2, b3 ^ d3)
    self.block = InlineArray(repeating: 0)
    filled = 0
  }

  /// RFC 7693, 2.7: the order of the words in a round, the first in the lowest four bits. The last two rounds are the
  /// first two again.
  @inline(__always)
  private static func order(_ round: Int) -> UInt64 {
    switch round {
    case 0, 10: 0xfedc_ba98_7654_3210
    case 1, 11: 0x357b_20c1_6df9_84ae
    case 2: 0x4917_63ea_df25_0c8b
    case 3: 0x8f04_a562_ebcd_1397
    case 4: 0xd386_cb1e_fa42_7509
    case 5: 0x91ef_57d4_38b0_a6c2
    case 6: 0xb829_3670_a4de_f15c
    case 7: 0xa268_4f05_931c_e7bd
    case 8: 0x5a41_7d2c_803b_9ef6
    default: 0x0dc3_e9bf_5167_482a
    }
  }
}

/// RFC 7693, 3.1: the mixing function.
@inline(__always)
private func mix(
  _ a: inout UInt64, _ b: inout UInt64, _ c: inout UInt64, _ d: inout UInt64, _ x: UInt64, _ y: UInt64
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
private func rotated(_ value: UInt64, _ bits: UInt64) -> UInt64 { value &>> bits | value &<< (64 - bits) }

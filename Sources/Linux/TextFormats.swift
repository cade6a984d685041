import CLinux

// The forms in which the kernel and the host's files write lists down.

/// A run of decimal digits, whole; `nil` when empty, not digits only, or too large.
public func decimal(_ digits: some Sequence<UInt8>) -> UInt64? {
  var value: UInt64 = 0
  var any = false
  for digit in digits {
    guard digit >= 48 && digit <= 57 else { return nil }
    let (product, overflow) = value.multipliedReportingOverflow(by: 10)
    let (sum, carry) = product.addingReportingOverflow(UInt64(digit - 48))
    if overflow || carry { return nil }
    value = sum
    any = true
  }
  return any ? value : nil
}

/// The bits of a list such as `0-3,7` (cpuset(7), "List format"), in words of 64; `nil` when it is none.
public func bitMask(list: String, limit: Int) -> [UInt64]? {
  var words: [UInt64] = []
  for part in list.split(separator: ",") {
    let ends = part.filter { $0 != " " }.split(separator: "-", omittingEmptySubsequences: false)
    guard ends.count <= 2, let first = decimal(ends[0].utf8), let last = decimal(ends[ends.count - 1].utf8),
      first <= last, last < UInt64(limit)
    else { return nil }
    for bit in first...last {
      while words.count <= Int(bit / 64) { words.append(0) }
      words[Int(bit / 64)] |= 1 << (bit % 64)
    }
  }
  return words.isEmpty ? nil : words
}

/// The lines of a file such as /etc/passwd or /etc/subuid in their fields, of which there are at most seven: `NAME:FIELD:…`.
public func colonSeparated(_ bytes: [UInt8]) -> [[ArraySlice<UInt8>]] {
  bytes.split(separator: UInt8(ascii: "\n")).map {
    $0.split(separator: UInt8(ascii: ":"), maxSplits: 6, omittingEmptySubsequences: false)
  }
}

/// The last line of a file to which lines are added: what is behind the last line feed was never finished. Without any, all of it.
public func lastWholeLine(of file: [UInt8]) -> [UInt8] {
  unsafe file.withUnsafeBufferPointer { bytes in
    guard let text = bytes.baseAddress else { return file }
    var (start, end) = (0, 0)
    while true {
      let length = unsafe clx_next_line(text + end, bytes.count - end)
      if length < 0 { break }
      (start, end) = (end, end + length)
    }
    if end == 0 { return file }
    // Copied as one piece; an array that is made of a slice is made byte by byte.
    return unsafe [UInt8](unsafeUninitializedCapacity: end - 1 - start) { line, count in
      count = end - 1 - start
      unsafe line.baseAddress?.initialize(from: text + start, count: count)
    }
  }
}

extension [UInt8] {
  /// The word's bytes, least significant first, in files of our own.
  public mutating func append(littleEndian word: UInt64) {
    for place in 0..<8 { append(UInt8(truncatingIfNeeded: word >> UInt64(place * 8))) }
  }
}

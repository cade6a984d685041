extension Value {
  /// A whole number in the range of `T`. `1.0` and `1e3` are refused: a number that went through a floating point
  /// number somewhere may have lost digits.
  @inlinable
  public func integer<T: FixedWidthInteger>(as type: T.Type = T.self) throws(Error) -> T {
    if let (isNegative, magnitude) = try magnitude() {
      // Negating in wrapping arithmetic also gets the smallest Int64 right.
      if !isNegative || magnitude == 0 {
        if let value = T(exactly: magnitude) { return value }
      } else if magnitude <= Int64.min.magnitude, let value = T(exactly: Int64(truncatingIfNeeded: 0 &- magnitude)) {
        return value
      }
    }
    return try recover(outOfRange(least: T.min.description, greatest: T.max.description), with: 0)
  }

  /// The sign and the digits of an integer; `nil` where they do not fit.
  @usableFromInline
  func magnitude() throws(Error) -> (isNegative: Bool, magnitude: UInt64)? {
    guard document.tape.nodes[index].kind == .number else {
      return try document.recover(mismatch("an integer"), with: (false, 0))
    }
    var digits = document.tape.bytes(of: index)
    let isNegative = digits.first == UInt8(ascii: "-")
    if isNegative { digits.removeFirst() }
    var magnitude: UInt64 = 0
    var fits = true
    for digit in digits {
      guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else {
        return try document.recover(mismatch("an integer"), with: (false, 0))
      }
      let (tenfold, overflow) = magnitude.multipliedReportingOverflow(by: 10)
      let (sum, carry) = tenfold.addingReportingOverflow(UInt64(digit - UInt8(ascii: "0")))
      if overflow || carry { fits = false }
      magnitude = sum
    }
    return fits ? (isNegative, magnitude) : nil
  }

  @usableFromInline
  func outOfRange(least: String, greatest: String) -> Error {
    let number = String(document.string(of: index).prefix(48))
    return error(number + " is out of range", hint: "write a number from " + least + " to " + greatest)
  }

  /// What to write instead of a string such as `64M`.
  func integerHint(_ text: String) -> String? {
    let digits = text.utf8.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    guard let number = UInt64(String(decoding: digits, as: UTF8.self)) else { return nil }
    let shift: UInt64
    switch text.dropFirst(digits.count).lowercased() {
    case "": return "write it without quotes"
    case "k", "kb", "kib": shift = 10
    case "m", "mb", "mib": shift = 20
    case "g", "gb", "gib": shift = 30
    case "t", "tb", "tib": shift = 40
    default: return nil
    }
    let (bytes, overflow) = number.multipliedReportingOverflow(by: 1 << shift)
    return overflow ? nil : "write bytes, for example " + String(bytes)
  }
}

/// A version of the specification, as `ociVersion` has it: a semantic version, of which the first two numbers tell what
/// a document means.
struct SpecificationVersion {
  private(set) var major = 0
  private(set) var minor = 0

  /// `nil` where the text is no semantic version.
  init?(_ text: String) {
    var numbers = 1
    var digits = 0
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"):
        digits += 1
        if digits > 9 { return nil }
        let digit = Int(byte - UInt8(ascii: "0"))
        if numbers == 1 { major = major * 10 + digit }
        if numbers == 2 { minor = minor * 10 + digit }
      case UInt8(ascii: ".") where digits > 0:
        numbers += 1
        digits = 0
      case UInt8(ascii: "-") where numbers == 3 && digits > 0, UInt8(ascii: "+") where numbers == 3 && digits > 0:
        return
      default: return nil
      }
    }
    if numbers != 3 || digits == 0 { return nil }
  }
}

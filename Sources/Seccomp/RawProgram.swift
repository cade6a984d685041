import Linux

extension SeccompProgram {
  /// A program as the kernel takes it, in base64 (annotation `run.oci.seccomp_bpf_data`).
  public init(base64 text: String) throws(Failure) {
    guard let bytes = decodeBase64(text), !bytes.isEmpty, bytes.count % 8 == 0 else {
      throw Failure(
        "config.json: annotations[\"run.oci.seccomp_bpf_data\"]: not an array of struct sock_filter in base64")
    }
    self.init(instructions: bytes, flags: 0)
  }
}

/// `nil`: it is no base64 (RFC 4648).
private func decodeBase64(_ text: String) -> [UInt8]? {
  var digits = text.utf8[...]
  guard digits.count % 4 == 0 else { return nil }
  for _ in 0..<2 where digits.last == UInt8(ascii: "=") { digits = digits.dropLast() }
  var bytes: [UInt8] = []
  var (bits, count): (UInt32, UInt32) = (0, 0)
  for digit in digits {
    guard let value = base64Value(digit) else { return nil }
    bits = bits << 6 | value
    count += 6
    if count >= 8 {
      count -= 8
      bytes.append(UInt8(truncatingIfNeeded: bits >> count))
    }
  }
  return bytes
}

private func base64Value(_ digit: UInt8) -> UInt32? {
  switch digit {
  case UInt8(ascii: "A")...UInt8(ascii: "Z"): return UInt32(digit) - 65
  case UInt8(ascii: "a")...UInt8(ascii: "z"): return UInt32(digit) - 97 + 26
  case UInt8(ascii: "0")...UInt8(ascii: "9"): return UInt32(digit) - 48 + 52
  case UInt8(ascii: "+"): return 62
  case UInt8(ascii: "/"): return 63
  default: return nil
  }
}

import CLinux

/// The texts in which the pattern is found: a POSIX extended regular expression (regex(7)), not anchored.
///
/// - Throws: what is wrong with the pattern, in the C library's words.
public func filter(_ texts: [String], byPattern pattern: String) throws(Failure) -> [String] {
  var regex = unsafe regex_t()
  let result = unsafe clx_regex_compile(&regex, pattern)
  guard result == 0 else {
    let reason = unsafe String(unsafeUninitializedCapacity: 128) { buffer in
      unsafe buffer.withMemoryRebound(to: CChar.self) { text in
        // The size that is answered counts the NUL.
        min(127, unsafe Int(regerror(result, &regex, text.baseAddress, 128)) - 1)
      }
    }
    throw Failure("pattern \"" + pattern + "\": " + reason)
  }
  defer { unsafe regfree(&regex) }
  return texts.filter { unsafe regexec(&regex, $0, 0, nil, 0) == 0 }
}

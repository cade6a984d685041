import OCI

/// What stands in front of the library's program so that system calls newer than the profile answer ENOSYS.
///
/// A profile that denies by default denies calls that did not exist when it was written, usually with EPERM. The C
/// library, which falls back to an older call on ENOSYS alone, then takes them for broken. libseccomp cannot compare a
/// call's number, so a few instructions of our own do: whatever is above the largest number that the profile names, on
/// the architecture of the call, never reaches the library's program. runc does the same.
struct NewerCalls {
  /// One value of `seccomp_data.arch`.
  private struct Family {
    let architecture: UInt32
    /// The largest number the profile names; `nil`: none.
    var largest: UInt32?
    /// Numbers from here on are a second, separate range.
    let secondRange: UInt32?
    var largestInSecond: UInt32?
  }

  private var families: [Family] = []

  /// Learns which numbers the profile names on each architecture. Tokens are libseccomp's.
  init(names: some Sequence<String>, on tokens: [UInt32]) {
    for token in tokens {
      let architecture = Token.auditValue(of: token)
      if !families.contains(where: { $0.architecture == architecture }) {
        families.append(Family(architecture: architecture, secondRange: NewerCalls.secondRange(of: architecture)))
      }
    }
    for name in names {
      for token in tokens {
        if let number = Library.number(of: name, on: token) {
          note(number, on: Token.auditValue(of: token))
        }
      }
    }
  }

  private mutating func note(_ number: UInt32, on architecture: UInt32) {
    guard let index = families.firstIndex(where: { $0.architecture == architecture }) else { return }
    if let second = families[index].secondRange, number >= second {
      families[index].largestInSecond = max(families[index].largestInSecond ?? 0, number)
    } else {
      families[index].largest = max(families[index].largest ?? 0, number)
    }
  }

  /// The instructions; the library's program follows them.
  var program: ClassicBPF {
    var program = ClassicBPF()
    // From the last to the first: each part has to know how much follows it.
    for family in families.reversed() {
      guard var part = NewerCalls.part(family) else { continue }
      part.skip(program.count)
      var test = ClassicBPF()
      test.ifEqual(family.architecture, skip: 0, else: part.count)
      test.append(part)
      test.append(program)
      program = test
    }
    if program.count == 0 { return program }
    var whole = ClassicBPF()
    whole.load(ClassicBPF.architecture)
    whole.append(program)
    return whole
  }

  /// Answers the newer calls of one architecture and falls out of its end with all others.
  private static func part(_ family: Family) -> ClassicBPF? {
    guard let largest = family.largest else { return nil }
    var part = ClassicBPF()
    part.load(ClassicBPF.callNumber)
    if let second = family.secondRange, let inSecond = family.largestInSecond {
      part.ifAtLeast(second, skip: 1, else: 0)
      part.ifAbove(largest, skip: 1, else: 2)
      part.ifAbove(inSecond, skip: 0, else: 1)
    } else if let second = family.secondRange {
      // A range of which the profile does not speak is left to the library: an x32 call without x32 is killed.
      part.ifAtLeast(second, skip: 2, else: 0)
      part.ifAbove(largest, skip: 0, else: 1)
    } else if family.architecture == Token.s390x || family.architecture == Token.s390 {
      // There a call that the kernel does not know arrives as number 0, setup(2), which no program has used in decades.
      part.ifEqual(0, skip: 1, else: 0)
      part.ifAbove(largest, skip: 0, else: 1)
    } else {
      part.ifAbove(largest, skip: 0, else: 1)
    }
    part.leave(with: Verdict.errno | Verdict.enosys)
    return part
  }

  /// Where an architecture's numbers have a hole that no new call will fill.
  private static func secondRange(of architecture: UInt32) -> UInt32? {
    switch architecture {
    case Token.x86_64: 0x4000_0000  // __X32_SYSCALL_BIT
    case Token.arm: 0x0f_0000  // __ARM_NR_BASE: cacheflush, set_tls and the like
    default: nil
    }
  }
}

/// Tokens of architectures that need special care; linux/audit.h, and libseccomp's own for x32.
enum Token {
  static let x86_64: UInt32 = 0xc000_003e
  static let x32: UInt32 = 0x4000_003e
  static let arm: UInt32 = 0x4000_0028
  static let s390: UInt32 = 0x16
  static let s390x: UInt32 = 0x8000_0016

  /// What `seccomp_data.arch` holds. x32 calls come with the value of x86-64 and bit 30 set in the number.
  static func auditValue(of token: UInt32) -> UInt32 { token == x32 ? x86_64 : token }
}

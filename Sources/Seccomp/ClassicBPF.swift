/// The handful of classic BPF instructions that this module writes itself. See Linux, networking/filter.rst, and
/// seccomp(2) for the data they work on.
struct ClassicBPF {
  /// Array of struct sock_filter: code 16 bits, two jumps 8 bits each, constant 32 bits, of this machine's byte order.
  private(set) var bytes: [UInt8] = []

  /// In instructions, of which the kernel takes at most so many (BPF_MAXINSNS).
  var count: Int { bytes.count / 8 }
  static let maximum = 4096

  // Offsets in struct seccomp_data.
  static let callNumber: UInt32 = 0
  static let architecture: UInt32 = 4

  /// Instruction codes, linux/bpf_common.h.
  private enum Code {
    static let loadAbsolute: UInt16 = 0x20  // LD|W|ABS
    static let leave: UInt16 = 0x06  // RET|K
    static let jump: UInt16 = 0x05  // JMP|JA
    static let jumpEqual: UInt16 = 0x15  // JMP|JEQ|K
    static let jumpAbove: UInt16 = 0x25  // JMP|JGT|K
    static let jumpAtLeast: UInt16 = 0x35  // JMP|JGE|K
  }

  /// Loads a word of the system call's data.
  mutating func load(_ offset: UInt32) { add(Code.loadAbsolute, 0, 0, offset) }

  /// Leaves the program with an action.
  mutating func leave(with action: UInt32) { add(Code.leave, 0, 0, action) }

  /// Goes on after so many instructions more.
  mutating func skip(_ count: Int) { add(Code.jump, 0, 0, UInt32(count)) }

  /// Goes on after `yes` or `no` more instructions, at most 255.
  mutating func ifEqual(_ value: UInt32, skip yes: Int, else no: Int) { add(Code.jumpEqual, yes, no, value) }
  mutating func ifAbove(_ value: UInt32, skip yes: Int, else no: Int) { add(Code.jumpAbove, yes, no, value) }
  mutating func ifAtLeast(_ value: UInt32, skip yes: Int, else no: Int) { add(Code.jumpAtLeast, yes, no, value) }

  mutating func append(_ other: ClassicBPF) { append(other.bytes) }
  mutating func append(_ instructions: [UInt8]) { bytes += instructions }

  private mutating func add(_ code: UInt16, _ yes: Int, _ no: Int, _ constant: UInt32) {
    #if _endian(big)
      let (code, constant) = (code.byteSwapped, constant.byteSwapped)
    #endif
    bytes += [
      UInt8(truncatingIfNeeded: code), UInt8(truncatingIfNeeded: code >> 8), UInt8(yes), UInt8(no),
      UInt8(truncatingIfNeeded: constant), UInt8(truncatingIfNeeded: constant >> 8),
      UInt8(truncatingIfNeeded: constant >> 16), UInt8(truncatingIfNeeded: constant >> 24),
    ]
  }
}

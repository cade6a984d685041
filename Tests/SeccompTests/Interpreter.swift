import OCI
import Testing

@testable import Seccomp

/// What the kernel hands to a filter: struct seccomp_data without the instruction pointer.
struct Call {
  var architecture: UInt32
  var number: UInt32
  var arguments: [UInt64] = []

  /// The word at an offset, as BPF_LD|BPF_W|BPF_ABS sees it on a little-endian machine.
  func word(at offset: UInt32) -> UInt32? {
    switch offset {
    case 0: return number
    case 4: return architecture
    case 16..<64 where offset % 4 == 0:
      let index = Int(offset - 16) / 8
      let argument = index < arguments.count ? arguments[index] : 0
      return UInt32(truncatingIfNeeded: offset % 8 == 0 ? argument : argument >> 32)
    default: return nil
    }
  }
}

/// A program that the interpreter cannot run to its end.
struct BadProgram: Error { let reason: String }

/// The verdict of a filter, by an interpreter of the classic BPF that seccomp(2) allows.
func run(_ program: [UInt8], _ call: Call) throws -> UInt32 {
  var accumulator: UInt32 = 0
  var scratch = [UInt32](repeating: 0, count: 16)
  var index = 0
  guard program.count % 8 == 0 else { throw BadProgram(reason: "size") }
  while index >= 0 && index < program.count / 8 {
    let at = index * 8
    let code = Int(program[at]) | Int(program[at + 1]) << 8
    let yes = Int(program[at + 2])
    let no = Int(program[at + 3])
    let constant = (0..<4).reduce(UInt32(0)) { $0 | UInt32(program[at + 4 + $1]) << UInt32($1 * 8) }
    index += 1
    switch code {
    case 0x20:
      guard let word = call.word(at: constant) else { throw BadProgram(reason: "load at \(constant)") }
      accumulator = word
    case 0x60: accumulator = scratch[Int(constant)]
    case 0x02: scratch[Int(constant)] = accumulator
    case 0x54: accumulator &= constant
    case 0x05: index += Int(constant)
    case 0x15: index += accumulator == constant ? yes : no
    case 0x25: index += accumulator > constant ? yes : no
    case 0x35: index += accumulator >= constant ? yes : no
    case 0x45: index += accumulator & constant != 0 ? yes : no
    case 0x06: return constant
    default: throw BadProgram(reason: "code \(String(code, radix: 16))")
    }
  }
  throw BadProgram(reason: "ran out of the program")
}

/// AUDIT_ARCH_ values, and libseccomp's token for x32.
enum Arch {
  static let x86_64: UInt32 = 0xc000_003e
  static let x86: UInt32 = 0x4000_0003
  static let x32: UInt32 = 0x4000_003e
  static let arm: UInt32 = 0x4000_0028
  static let aarch64: UInt32 = 0xc000_00b7
  static let s390x: UInt32 = 0x8000_0016
}

/// Verdicts of the kernel's interface.
enum Expect {
  static let allow: UInt32 = 0x7fff_0000
  static let kill: UInt32 = 0
  static func errno(_ number: UInt32) -> UInt32 { 0x0005_0000 | number }
}

extension Config.Seccomp {
  /// The verdict on a call of this machine's own architecture, by name.
  func verdict(_ name: String, _ arguments: [UInt64] = []) throws -> UInt32 {
    let native = Library.nativeArchitecture
    let number = try #require(Library.number(of: name, on: native))
    return try verdict(Call(architecture: native, number: number, arguments: arguments))
  }

  func verdict(_ call: Call) throws -> UInt32 {
    var profile = self
    // Who listens is not of interest here.
    profile.listenerPath = "/run/agent.sock"
    return try run(SeccompProgram.program(for: profile).instructions, call)
  }
}

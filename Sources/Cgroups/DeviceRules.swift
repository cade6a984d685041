import Linux
import OCI

/// The ordered device rules of config-linux.md ("Allowed Device list").
///
/// What they mean, for cgroup v1 and v2 alike: of each of read, write and mknod, the last rule that speaks of the device
/// and of that kind of access decides; what no rule speaks of is denied.
enum DeviceRules {
  /// The kinds of access, as the kernel numbers them (BPF_DEVCG_ACC_*).
  struct Access: OptionSet, Equatable {
    let rawValue: UInt8
    static let mknod = Access(rawValue: 1)
    static let read = Access(rawValue: 2)
    static let write = Access(rawValue: 4)
    static let all: Access = [.mknod, .read, .write]

    init(rawValue: UInt8) { self.rawValue = rawValue }

    /// Letters `r`, `w`, `m`; none stand for all three.
    init(_ letters: String) throws(Failure) {
      var access: Access = []
      for letter in letters.utf8 {
        switch letter {
        case UInt8(ascii: "r"): access.insert(.read)
        case UInt8(ascii: "w"): access.insert(.write)
        case UInt8(ascii: "m"): access.insert(.mknod)
        default:
          throw Failure(
            "cgroup: linux.resources.devices: the access \"" + letters + "\" has letters other than r, w and m")
        }
      }
      self = access.isEmpty ? .all : access
    }

    var letters: String {
      (contains(.read) ? "r" : "") + (contains(.write) ? "w" : "") + (contains(.mknod) ? "m" : "")
    }
  }

  /// A number of a device; absent and negative ones stand for any.
  static func number(_ value: Int64?) throws(Failure) -> UInt32? {
    guard let value, value >= 0 else { return nil }
    guard value < Int64(UInt32.max) else {
      throw Failure("cgroup: linux.resources.devices: " + String(value) + " is no device number")
    }
    return UInt32(value)
  }

  // MARK: as a program

  /// The rules as a program of the kernel's virtual machine (BPF_PROG_TYPE_CGROUP_DEVICE, struct bpf_cgroup_dev_ctx).
  ///
  /// It goes through the rules for this kind of device from the last to the first with what is still asked for in a register: a
  /// matching rule that allows takes its kinds of access out, and nothing left means yes; one that denies any of them means
  /// no. First by kind, then with major and minor number in one: what a program costs is the kernel's proof of it, where each
  /// condition is a case more, and one whose outcome is known by then costs a look back at why.
  static func program(_ rules: [Resources.DeviceRule]) throws(Failure) -> [BPFInstruction] {
    // The first register points to: kind of access << 16 | kind of device, major, minor.
    let start = [
      BPFInstruction(code: Code.load, destination: Register.type, source: Register.context, offset: 0),
      BPFInstruction(code: Code.move, destination: Register.wanted, source: Register.type),
      BPFInstruction(code: Code.and, destination: Register.type, immediate: 0xffff),
      BPFInstruction(code: Code.shiftRight, destination: Register.wanted, immediate: 16),
      BPFInstruction(code: Code.load, destination: Register.major, source: Register.context, offset: 4),
      BPFInstruction(code: Code.load, destination: Register.minor, source: Register.context, offset: 8),
      BPFInstruction(code: Code.move, destination: Register.number, source: Register.major),
      BPFInstruction(code: Code.shiftLeft, destination: Register.number, immediate: Int32(minorBits)),
      BPFInstruction(code: Code.or, destination: Register.number, source: Register.minor),
    ]
    let character = try part(rules.filter { $0.type != .block })
    let block = try part(rules.filter { $0.type == .block || $0.type == .all })
    if character == block { return start + block }
    // BPF_DEVCG_DEV_CHAR.
    let choice = BPFInstruction(
      code: Code.jumpIfNot, destination: Register.type, offset: Int16(character.count), immediate: 2)
    return start + [choice] + character + block
  }

  /// How the kernel puts a device's numbers into one (MINORBITS of linux/kdev_t.h).
  private static let minorBits: UInt32 = 20

  /// The decision by rules that are all for the same kind of device.
  private static func part(_ rules: [Resources.DeviceRule]) throws(Failure) -> [BPFInstruction] {
    var code: [BPFInstruction] = []
    for rule in rules.reversed() {
      let access = try Access(rule.access)
      let (major, minor) = (try number(rule.major), try number(rule.minor))
      // No device has such a number.
      if major ?? 0 >= 1 << (32 - minorBits) || minor ?? 0 >= 1 << minorBits { continue }
      let verdict = verdict(allow: rule.allow, access)
      if let condition = condition(major, minor) {
        code.append(
          BPFInstruction(
            code: Code.jumpIfNot, destination: condition.register, offset: Int16(verdict.count),
            immediate: Int32(bitPattern: condition.value)))
      }
      code += verdict
      // Rules before this one can not be reached, and the kernel refuses instructions that cannot.
      if major == nil && minor == nil && access == .all { return code }
    }
    return code + answer(0)
  }

  /// What has to be equal for a rule with these numbers to match; `nil`: it always does.
  private static func condition(_ major: UInt32?, _ minor: UInt32?) -> (register: UInt8, value: UInt32)? {
    if let major, let minor { return (Register.number, major << minorBits | minor) }
    if let major { return (Register.major, major) }
    if let minor { return (Register.minor, minor) }
    return nil
  }

  private static func verdict(allow: Bool, _ access: Access) -> [BPFInstruction] {
    let bits = Int32(access.rawValue)
    let end = answer(allow ? 1 : 0)
    if access == .all { return end }
    if allow {
      return [
        BPFInstruction(code: Code.and, destination: Register.wanted, immediate: ~bits),
        BPFInstruction(code: Code.jumpIfNot, destination: Register.wanted, offset: Int16(end.count), immediate: 0),
      ] + end
    }
    return [
      BPFInstruction(code: Code.jumpIfAny, destination: Register.wanted, offset: 1, immediate: bits),
      BPFInstruction(code: Code.jump, offset: Int16(end.count)),
    ] + end
  }

  private static func answer(_ value: Int32) -> [BPFInstruction] {
    [BPFInstruction(code: Code.set, destination: Register.result, immediate: value), BPFInstruction(code: Code.exit)]
  }

  /// What the registers hold.
  enum Register {
    static let result: UInt8 = 0
    static let context: UInt8 = 1
    static let type: UInt8 = 2
    static let wanted: UInt8 = 3
    static let major: UInt8 = 4
    static let minor: UInt8 = 5
    static let number: UInt8 = 6
  }

  /// Operation codes (linux/bpf.h, linux/bpf_common.h): on the lower 32 bits where there is a choice.
  enum Code {
    static let load: UInt8 = 0x61  // BPF_LDX | BPF_MEM | BPF_W
    static let move: UInt8 = 0xbc  // BPF_ALU | BPF_MOV | BPF_X
    static let set: UInt8 = 0xb4  // BPF_ALU | BPF_MOV | BPF_K
    static let and: UInt8 = 0x54  // BPF_ALU | BPF_AND | BPF_K
    static let or: UInt8 = 0x4c  // BPF_ALU | BPF_OR | BPF_X
    static let shiftLeft: UInt8 = 0x64  // BPF_ALU | BPF_LSH | BPF_K
    static let shiftRight: UInt8 = 0x74  // BPF_ALU | BPF_RSH | BPF_K
    static let jump: UInt8 = 0x05  // BPF_JMP | BPF_JA
    static let jumpIfNot: UInt8 = 0x56  // BPF_JMP32 | BPF_JNE | BPF_K, Linux 5.1
    static let jumpIfAny: UInt8 = 0x46  // BPF_JMP32 | BPF_JSET | BPF_K, Linux 5.1
    static let exit: UInt8 = 0x95  // BPF_JMP | BPF_EXIT
  }
}

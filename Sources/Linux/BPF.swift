import CLinux

/// One instruction of the kernel's virtual machine (linux/bpf.h, struct bpf_insn), as far as programs of ours need it.
public struct BPFInstruction: Equatable, Sendable {
  public var code: UInt8
  /// Destination register in the low four bits, source register in the high four.
  public var registers: UInt8
  /// Of a jump: how many instructions to pass over.
  public var offset: Int16
  public var immediate: Int32

  public init(code: UInt8, destination: UInt8 = 0, source: UInt8 = 0, offset: Int16 = 0, immediate: Int32 = 0) {
    self.code = code
    registers = source << 4 | destination
    self.offset = offset
    self.immediate = immediate
  }

  /// All of it in one.
  public var word: UInt64 {
    UInt64(code) | UInt64(registers) << 8 | UInt64(UInt16(bitPattern: offset)) << 16
      | UInt64(UInt32(bitPattern: immediate)) << 32
  }

  public var destination: UInt8 { registers & 15 }
  public var source: UInt8 { registers >> 4 }
}

/// A program in the kernel that decides on access to devices (BPF_PROG_TYPE_CGROUP_DEVICE, Linux 4.15).
///
/// A cgroup keeps an attached program alive; the descriptor can be closed afterwards.
public struct DeviceProgram: ~Copyable {
  public let descriptor: Descriptor

  public init(_ instructions: [BPFInstruction]) throws(SystemError) {
    let license: StaticString = "Apache-2.0"
    var result: Int32 = 0
    unsafe instructions.withUnsafeBytes { code in
      // union bpf_attr, BPF_PROG_LOAD: type, count, instructions, licence; the rest is zero.
      var attributes = [UInt64](repeating: 0, count: 16)
      attributes[0] = UInt64(BPF.deviceProgramType) | UInt64(instructions.count) << 32
      attributes[1] = UInt64(UInt(bitPattern: code.baseAddress))
      attributes[2] = unsafe UInt64(UInt(bitPattern: license.utf8Start))
      result = BPF.call(BPF.load, &attributes)
    }
    descriptor = Descriptor(taking: try check("bpf", on: "BPF_PROG_LOAD", result))
  }

  /// The program with that number, as ``attached(to:)`` lists it.
  private init(id: UInt32) throws(SystemError) {
    var attributes = [UInt64](repeating: 0, count: 16)
    attributes[0] = UInt64(id)
    descriptor = Descriptor(
      taking: try check("bpf", on: "BPF_PROG_GET_FD_BY_ID", BPF.call(BPF.descriptorByID, &attributes)))
  }

  /// What tells a program from every other, those of another start of the machine included.
  public struct Identity: Equatable, Sendable {
    /// A number that the kernel may give out again.
    public var id: UInt32
    /// When the program was loaded, in nanoseconds since the machine was started.
    public var loadTime: UInt64

    public init(id: UInt32, loadTime: UInt64) { (self.id, self.loadTime) = (id, loadTime) }
  }

  /// The program that was loaded before and is still attached somewhere; `nil`: it is gone.
  public static func find(_ identity: Identity) -> DeviceProgram? {
    guard let program = try? DeviceProgram(id: identity.id), (try? program.identity) == identity else { return nil }
    return program
  }

  public var identity: Identity {
    get throws(SystemError) {
      // struct bpf_prog_info up to load_time: type, id, tag, lengths, addresses, time.
      var info = [UInt64](repeating: 0, count: 6)
      var result: Int32 = 0
      unsafe info.withUnsafeMutableBytes { buffer in
        var attributes = [UInt64](repeating: 0, count: 16)
        attributes[0] = UInt64(UInt32(bitPattern: descriptor.number)) | UInt64(buffer.count) << 32
        attributes[1] = UInt64(UInt(bitPattern: buffer.baseAddress))
        result = BPF.call(BPF.information, &attributes)
      }
      try check("bpf", on: "BPF_OBJ_GET_INFO_BY_FD", result)
      return Identity(id: UInt32(truncatingIfNeeded: info[0] >> 32), loadTime: info[5])
    }
  }

  /// Makes this the one device program of the cgroup, in place of those that are there.
  ///
  /// Every attached program has to agree to an access, so there is no moment at which more is allowed than the old or
  /// the new program allows: a single old one is exchanged in one step (BPF_F_REPLACE, Linux 5.6), several are
  /// detached once the new one is in force.
  public func replaceAll(of cgroup: borrowing Descriptor) throws(SystemError) {
    let old = try DeviceProgram.attached(to: cgroup)
    if old.count == 1 {
      // The kernel does not attach a program twice.
      if old[0] == (try identity.id) { return }
      let previous = try DeviceProgram(id: old[0])
      let result = attach(to: cgroup, replacing: previous.descriptor.number)
      // Attached by someone who did not allow several, or an older kernel: the slower way below.
      if result >= 0 { return }
      if result != -EINVAL && result != -EPERM { try check("bpf", on: "BPF_PROG_ATTACH", result) }
    }
    try check("bpf", on: "BPF_PROG_ATTACH", attach(to: cgroup, replacing: nil))
    for id in old { try DeviceProgram(id: id).detach(from: cgroup) }
  }

  /// The numbers of the device programs attached to the cgroup itself.
  public static func attached(to cgroup: borrowing Descriptor) throws(SystemError) -> [UInt32] {
    var ids = [UInt32](repeating: 0, count: 64)
    var result: Int32 = 0
    var count = 0
    unsafe ids.withUnsafeMutableBytes { buffer in
      // union bpf_attr, BPF_PROG_QUERY: cgroup, attach type, flags, flags out, array, count.
      var attributes = [UInt64](repeating: 0, count: 16)
      attributes[0] = UInt64(UInt32(bitPattern: cgroup.number)) | UInt64(BPF.deviceAttachType) << 32
      attributes[2] = UInt64(UInt(bitPattern: buffer.baseAddress))
      attributes[3] = 64
      result = BPF.call(BPF.query, &attributes)
      count = Int(truncatingIfNeeded: attributes[3] & 0xffff_ffff)
    }
    try check("bpf", on: "BPF_PROG_QUERY", result)
    return Array(ids.prefix(count))
  }

  private func attach(to cgroup: borrowing Descriptor, replacing old: Int32?) -> Int32 {
    var attributes = [UInt64](repeating: 0, count: 16)
    attributes[0] = UInt64(UInt32(bitPattern: cgroup.number)) | UInt64(UInt32(bitPattern: descriptor.number)) << 32
    attributes[1] =
      UInt64(BPF.deviceAttachType) | UInt64(old == nil ? BPF.allowMulti : BPF.allowMulti | BPF.replace) << 32
    if let old { attributes[2] = UInt64(UInt32(bitPattern: old)) }
    return BPF.call(BPF.attach, &attributes)
  }

  private func detach(from cgroup: borrowing Descriptor) throws(SystemError) {
    var attributes = [UInt64](repeating: 0, count: 16)
    attributes[0] = UInt64(UInt32(bitPattern: cgroup.number)) | UInt64(UInt32(bitPattern: descriptor.number)) << 32
    attributes[1] = UInt64(BPF.deviceAttachType)
    try check("bpf", on: "BPF_PROG_DETACH", BPF.call(BPF.detach, &attributes))
  }
}

/// bpf(2): commands and constants of linux/bpf.h.
private enum BPF {
  static let load: Int32 = 5
  static let attach: Int32 = 8
  static let detach: Int32 = 9
  static let descriptorByID: Int32 = 13
  static let information: Int32 = 15
  static let query: Int32 = 16
  static let deviceProgramType: UInt32 = 15
  static let deviceAttachType: UInt32 = 6
  static let allowMulti: UInt32 = 2
  static let replace: UInt32 = 4

  static func call(_ command: Int32, _ attributes: inout [UInt64]) -> Int32 {
    unsafe attributes.withUnsafeMutableBytes { unsafe clx_bpf(command, $0.baseAddress, UInt32($0.count)) }
  }
}

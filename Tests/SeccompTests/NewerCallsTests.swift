import OCI
import Testing

@testable import Seccomp

/// Calls above the largest number that the profile names answer ENOSYS.
@Suite struct NewerCallsTests {
  typealias Profile = Config.Seccomp

  #if arch(x86_64)
    /// Names read (0; x86: 3) and clone3 (435 on all), and on x86 alone clock_gettime64 (403).
    private func profile(_ action: Profile.Action, _ errno: UInt32? = nil, x32: Bool = true) -> Profile {
      Profile(
        defaultAction: action, defaultErrnoRet: errno, architectures: x32 ? [.x86_64, .x86, .x32] : [.x86_64, .x86],
        syscalls: [.init(names: ["read", "clone3", "clock_gettime64"], action: action == .allow ? .trap : .allow)])
    }

    @Test(
      arguments: [
        (Arch.x86_64, 0, Expect.allow), (Arch.x86_64, 1, Expect.errno(1)), (Arch.x86_64, 434, Expect.errno(1)),
        (Arch.x86_64, 435, Expect.allow), (Arch.x86_64, 436, Expect.errno(38)), (Arch.x86_64, 1000, Expect.errno(38)),
        (Arch.x86_64, 0x3fff_ffff, Expect.errno(38)), (Arch.x86_64, 0x4000_0000, Expect.allow),
        (Arch.x86_64, 0x4000_0001, Expect.errno(1)), (Arch.x86_64, 0x4000_01b3, Expect.allow),
        (Arch.x86_64, 0x4000_01b4, Expect.errno(38)), (Arch.x86_64, 0xffff_ffff, Expect.errno(38)),
        (Arch.x86, 3, Expect.allow), (Arch.x86, 403, Expect.allow), (Arch.x86, 434, Expect.errno(1)),
        (Arch.x86, 435, Expect.allow), (Arch.x86, 436, Expect.errno(38)), (Arch.x86, 0xffff_ffff, Expect.errno(38)),
        (Arch.aarch64, 0, Expect.kill), (Arch.aarch64, 1000, Expect.kill),
      ] as [(UInt32, UInt32, UInt32)])
    func eachArchitectureHasItsOwnLargestNumber(architecture: UInt32, number: UInt32, expected: UInt32) throws {
      #expect(try profile(.errno).verdict(Call(architecture: architecture, number: number)) == expected)
    }

    @Test func withoutX32ItsCallsStayForbidden() throws {
      let profile = profile(.errno, x32: false)
      #expect(try profile.verdict(Call(architecture: Arch.x86_64, number: 436)) == Expect.errno(38))
      #expect(try profile.verdict(Call(architecture: Arch.x86_64, number: 0x4000_0000)) == Expect.kill)
      #expect(try profile.verdict(Call(architecture: Arch.x86_64, number: 0x4000_1000)) == Expect.kill)
    }

    @Test(
      arguments: [
        (Profile.Action.kill, nil, Expect.errno(38)), (.killProcess, nil, Expect.errno(38)),
        (.trap, nil, Expect.errno(38)), (.errno, 13, Expect.errno(38)), (.errno, 38, Expect.errno(38)),
        (.allow, nil, Expect.allow), (.log, nil, 0x7ffc_0000), (.trace, 3, 0x7ff0_0003), (.notify, nil, 0x7fc0_0000),
      ] as [(Profile.Action, UInt32?, UInt32)])
    func onlyADefaultThatDeniesHidesNewCalls(action: Profile.Action, errno: UInt32?, expected: UInt32) throws {
      #expect(try profile(action, errno).verdict(Call(architecture: Arch.x86_64, number: 436)) == expected)
    }

    @Test func aDefaultOfENOSYSNeedsNothingInFront() throws {
      let with = try SeccompProgram.program(for: profile(.errno, 39)).instructions
      let without = try SeccompProgram.program(for: profile(.errno, 38)).instructions
      #expect(with.count > without.count)
    }

    @Test func aProfileThatNamesNothingHidesNothing() throws {
      let verdict = try Profile(defaultAction: .errno).verdict(Call(architecture: Arch.x86_64, number: 1000))
      #expect(verdict == Expect.errno(1))
    }
  #endif

  /// The part in front alone, with "allow" in place of the library's program: for machines this one is not.
  private func verdict(_ names: [String], _ tokens: [UInt32], _ call: Call) throws -> UInt32 {
    var program = NewerCalls(names: names, on: tokens).program
    program.leave(with: Expect.allow)
    return try run(program.bytes, call)
  }

  @Test(
    arguments: [
      (0, Expect.errno(38)), (1, Expect.allow), (435, Expect.allow), (436, Expect.errno(38)),
    ] as [(UInt32, UInt32)])
  func onS390NumberZeroIsACallTheKernelDoesNotKnow(number: UInt32, expected: UInt32) throws {
    let call = Call(architecture: Arch.s390x, number: number)
    #expect(try verdict(["read", "clone3"], [Arch.s390x], call) == expected)
  }

  @Test(
    arguments: [
      (435, Expect.allow), (436, Expect.errno(38)), (0x0e_ffff, Expect.errno(38)), (0x0f_0002, Expect.allow),
    ] as [(UInt32, UInt32)])
  func onArmThePrivateCallsAreNoMeasure(number: UInt32, expected: UInt32) throws {
    // cacheflush is 0x0f0002 there.
    let call = Call(architecture: Arch.arm, number: number)
    #expect(try verdict(["read", "clone3", "cacheflush"], [Arch.aarch64, Arch.arm], call) == expected)
  }

  @Test func anUnlistedArchitectureFallsThrough() throws {
    let call = Call(architecture: Arch.s390x, number: 1000)
    #expect(try verdict(["read"], [Arch.arm, Arch.aarch64], call) == Expect.allow)
  }
}

import Foundation
import Linux
import OCI
import Testing

@testable import Seccomp

@Suite struct CompilerTests {
  typealias Profile = Config.Seccomp

  // MARK: actions

  @Test(
    arguments: [
      (Profile.Action.kill, nil, 0x0000_0000), (.killThread, nil, 0x0000_0000), (.killProcess, nil, 0x8000_0000),
      (.trap, nil, 0x0003_0000), (.errno, nil, 0x0005_0001), (.errno, 0, 0x0005_0000), (.errno, 38, 0x0005_0026),
      (.errno, 4094, 0x0005_0ffe), (.trace, nil, 0x7ff0_0001), (.trace, 65535, 0x7ff0_ffff), (.log, nil, 0x7ffc_0000),
      (.notify, nil, 0x7fc0_0000),
    ] as [(Profile.Action, UInt32?, UInt32)])
  func aRuleReturnsItsAction(action: Profile.Action, errnoRet: UInt32?, expected: UInt32) throws {
    let profile = Profile(
      defaultAction: .allow, syscalls: [.init(names: ["getppid"], action: action, errnoRet: errnoRet)])
    #expect(try profile.verdict("getppid") == expected)
    #expect(try profile.verdict("getpid") == Expect.allow)
  }

  @Test(
    arguments: [
      (Profile.Action.kill, nil, 0x0000_0000), (.killProcess, nil, 0x8000_0000), (.trap, nil, 0x0003_0000),
      (.errno, nil, 0x0005_0001), (.errno, 13, 0x0005_000d), (.trace, 7, 0x7ff0_0007), (.log, nil, 0x7ffc_0000),
      (.notify, nil, 0x7fc0_0000),
    ] as [(Profile.Action, UInt32?, UInt32)])
  func theDefaultActionMeetsWhatNoRuleNames(action: Profile.Action, errnoRet: UInt32?, expected: UInt32) throws {
    let profile = Profile(
      defaultAction: action, defaultErrnoRet: errnoRet,
      syscalls: [.init(names: ["read", "futex_waitv"], action: .allow)])
    #expect(try profile.verdict("read") == Expect.allow)
    #expect(try profile.verdict("getppid") == expected)
  }

  @Test func aRuleThatSaysTheDefaultIsNoError() throws {
    let profile = Profile(
      defaultAction: .errno, syscalls: [.init(names: ["read", "futex_waitv"], action: .errno, errnoRet: 1)])
    #expect(try profile.verdict("read") == Expect.errno(1))
  }

  @Test func aRuleMayDifferFromTheDefaultInItsErrnoAlone() throws {
    let profile = Profile(
      defaultAction: .errno, syscalls: [.init(names: ["read", "futex_waitv"], action: .errno, errnoRet: 2)])
    #expect(try profile.verdict("read") == Expect.errno(2))
    #expect(try profile.verdict("write") == Expect.errno(1))
  }

  // MARK: conditions

  private static let big: UInt64 = 0x1_0000_0005

  @Test(
    arguments: [
      (Profile.Operator.equal, big, 0, [big], [5, big + 1, 0x2_0000_0005]),
      (.notEqual, big, 0, [5, big + 1, 0x2_0000_0005], [big]),
      (.less, big, 0, [0, big - 1, 0xffff_ffff], [big, big + 1, .max]),
      (.lessOrEqual, big, 0, [0, big], [big + 1, .max]),
      (.greater, big, 0, [big + 1, .max], [big, 0xffff_ffff]),
      (.greaterOrEqual, big, 0, [big, .max], [big - 1, 6]),
      // value is the mask, valueTwo what is left: no CLONE_NEW… flag, as Docker has it for clone.
      (.maskedEqual, 0x7e02_0000, 0, [0, 0x11, 0x1_0000_0000], [0x0002_0000, 0x1000_0000, 0x7e02_0000]),
      (.maskedEqual, 0xf_0000_000f, 0x3_0000_0001, [0x3_0000_0001, 0x33_0000_fff1], [0x3_0000_0003, 1]),
    ] as [(Profile.Operator, UInt64, UInt64, [UInt64], [UInt64])])
  func anOperatorComparesAllSixtyFourBits(
    op: Profile.Operator, value: UInt64, valueTwo: UInt64, matching: [UInt64], other: [UInt64]
  ) throws {
    for index in 0..<6 {
      let condition = Profile.Argument(index: UInt32(index), value: value, valueTwo: valueTwo, op: op)
      let profile = Profile(
        defaultAction: .errno, syscalls: [.init(names: ["mmap", "futex_waitv"], action: .allow, args: [condition])])
      for (arguments, expected) in [(matching, Expect.allow), (other, Expect.errno(1))] {
        for argument in arguments {
          var all = [UInt64](repeating: 0xdead_beef_dead_beef, count: 6)
          all[index] = argument
          #expect(try profile.verdict("mmap", all) == expected, "argument \(index): \(argument)")
        }
      }
    }
  }

  @Test func valueTwoSaysNothingWithoutAMask() throws {
    let condition = Profile.Argument(index: 0, value: 3, valueTwo: 99, op: .equal)
    let profile = Profile(
      defaultAction: .errno, syscalls: [.init(names: ["close", "futex_waitv"], action: .allow, args: [condition])])
    #expect(try profile.verdict("close", [3]) == Expect.allow)
    #expect(try profile.verdict("close", [99]) == Expect.errno(1))
  }

  @Test func conditionsOnSeveralArgumentsMustAllHold() throws {
    let profile = Profile(
      defaultAction: .allow,
      syscalls: [
        .init(
          names: ["socket"], action: .errno, errnoRet: 22,
          args: [.init(index: 0, value: 16, op: .equal), .init(index: 2, value: 9, op: .equal)])
      ])
    #expect(try profile.verdict("socket", [16, 3, 9]) == Expect.errno(22))
    #expect(try profile.verdict("socket", [16, 3, 0]) == Expect.allow)
    #expect(try profile.verdict("socket", [1, 3, 9]) == Expect.allow)
  }

  @Test func ofConditionsOnTheSameArgumentAnyIsEnough() throws {
    let profile = Profile(
      defaultAction: .errno,
      syscalls: [
        .init(
          names: ["personality", "futex_waitv"], action: .allow,
          args: [
            .init(index: 0, value: 0, op: .equal), .init(index: 0, value: 8, op: .equal),
            .init(index: 1, value: 5, op: .equal),
          ])
      ])
    #expect(try profile.verdict("personality", [0]) == Expect.allow)
    #expect(try profile.verdict("personality", [8]) == Expect.allow)
    #expect(try profile.verdict("personality", [1, 5]) == Expect.allow)
    #expect(try profile.verdict("personality", [1]) == Expect.errno(1))
  }

  @Test func severalRulesAboutOneCallAddUp() throws {
    let profile = Profile(
      defaultAction: .errno,
      syscalls: [0, 8, 0xffff_ffff].map {
        .init(names: ["personality", "futex_waitv"], action: .allow, args: [.init(index: 0, value: $0, op: .equal)])
      })
    #expect(try profile.verdict("personality", [8]) == Expect.allow)
    #expect(try profile.verdict("personality", [0xffff_ffff]) == Expect.allow)
    #expect(try profile.verdict("personality", [9]) == Expect.errno(1))
  }

  // MARK: architectures

  #if arch(x86_64)
    private static let read32: UInt32 = 3

    @Test func withoutArchitecturesOnlyTheNativeOneCanCall() throws {
      let profile = Profile(defaultAction: .allow)
      #expect(try profile.verdict("read") == Expect.allow)
      #expect(try profile.verdict(Call(architecture: Arch.x86, number: CompilerTests.read32)) == Expect.kill)
      #expect(try profile.verdict(Call(architecture: Arch.x86_64, number: 0x4000_0000)) == Expect.kill)
    }

    @Test func rulesHoldOnEachListedArchitectureByItsOwnNumbers() throws {
      let profile = Profile(
        defaultAction: .errno, architectures: [.x86_64, .x86, .x32],
        syscalls: [.init(names: ["read", "futex_waitv"], action: .allow)])
      #expect(try profile.verdict(Call(architecture: Arch.x86_64, number: 0)) == Expect.allow)
      #expect(try profile.verdict(Call(architecture: Arch.x86_64, number: 0x4000_0000)) == Expect.allow)
      #expect(try profile.verdict(Call(architecture: Arch.x86, number: 3)) == Expect.allow)
      #expect(try profile.verdict(Call(architecture: Arch.x86, number: 0)) == Expect.errno(1))
      #expect(try profile.verdict(Call(architecture: Arch.x86_64, number: 3)) == Expect.errno(1))
    }

    @Test func theNativeArchitectureIsThereThoughTheProfileNamesAnother() throws {
      let profile = Profile(defaultAction: .allow, architectures: [.x86])
      #expect(try profile.verdict("read") == Expect.allow)
      #expect(try profile.verdict(Call(architecture: Arch.x86, number: 3)) == Expect.allow)
    }

    @Test func aCallThatOnlyAnotherArchitectureHasIsFilteredThere() throws {
      let profile = Profile(
        defaultAction: .allow, architectures: [.x86_64, .x86],
        syscalls: [.init(names: ["waitpid"], action: .errno, errnoRet: 5)])
      #expect(try profile.verdict(Call(architecture: Arch.x86, number: 7)) == Expect.errno(5))
      #expect(try profile.verdict(Call(architecture: Arch.x86_64, number: 7)) == Expect.allow)
    }
  #endif

  /// The program consists of parts, one an architecture; as one program the library's own decides the same.
  @Test(.enabled(if: containersProfile != nil, "needs /usr/share/containers/seccomp.json"))
  func theArchitecturesPartsDecideAsTheLibraryDoes() throws {
    var profile = try #require(containersProfile)
    // Else calls newer than the profile are answered by a part that is not the library's.
    profile.defaultErrnoRet = 38
    let compiler = Compiler(profile: profile, failOnUnknownSyscall: false)
    let tokens = try compiler.tokens()
    try #require(tokens.count > 1)
    let filter = try compiler.filter(tokens)
    let whole = try #require(try filter.program(.tree, limit: ClassicBPF.maximum))
    try expectAgreement(try compiler.compile(), whole, architectures: tokens + [Arch.aarch64, Arch.x86, 0, .max])
  }

  // MARK: names nobody knows

  @Test func anUnknownCallIsSkipped() throws {
    let profile = Profile(
      defaultAction: .errno, syscalls: [.init(names: ["no_such_call", "read", "futex_waitv"], action: .allow)])
    #expect(try profile.verdict("read") == Expect.allow)
  }

  @Test func anUnknownCallIsAnErrorWhenAskedFor() {
    let profile = Profile(
      defaultAction: .errno,
      syscalls: [
        .init(names: ["read"], action: .allow), .init(names: ["no_such_call"], action: .errno, errnoRet: 1),
      ])
    let message = failure { try SeccompProgram.program(for: profile, failOnUnknownSyscall: true) }
    #expect(message?.contains("linux.seccomp.syscalls[1]") == true)
    #expect(message?.contains("\"no_such_call\"") == true)
  }

  // MARK: refused profiles

  @Test(
    arguments: [
      (
        Profile(defaultAction: .allow, defaultErrnoRet: 1),
        "linux.seccomp.defaultErrnoRet: SCMP_ACT_ALLOW takes no errno, found 1"
      ),
      (Profile(defaultAction: .errno, defaultErrnoRet: 4095), "linux.seccomp.defaultErrnoRet: 4095 is out of range"),
      (
        Profile(defaultAction: .allow, syscalls: [.init(names: ["read"], action: .trace, errnoRet: 65536)]),
        "linux.seccomp.syscalls[0].errnoRet: 65536 is out of range"
      ),
      (
        Profile(defaultAction: .allow, syscalls: [.init(names: ["read"], action: .killProcess, errnoRet: 1)]),
        "linux.seccomp.syscalls[0].errnoRet: SCMP_ACT_KILL_PROCESS takes no errno"
      ),
      (
        Profile(
          defaultAction: .allow,
          syscalls: [.init(names: ["read"], action: .errno, args: [.init(index: 6, value: 0, op: .equal)])]),
        "linux.seccomp.syscalls[0].args: index 6"
      ),
      (
        Profile(defaultAction: .allow, architectures: [.m68k]),
        "linux.seccomp.architectures: libseccomp \(SeccompSupport.libraryVersion) does not know SCMP_ARCH_M68K"
      ),
      (
        Profile(
          defaultAction: .errno,
          syscalls: [
            .init(names: ["read"], action: .allow, args: [.init(index: 0, value: 1, op: .equal)]),
            .init(names: ["read"], action: .trap, args: [.init(index: 0, value: 1, op: .equal)]),
          ]),
        "linux.seccomp.syscalls[1] \"read\""
      ),
      (Profile(defaultAction: .notify), "linux.seccomp.listenerPath: missing"),
      (
        Profile(defaultAction: .allow, syscalls: [.init(names: ["mount"], action: .notify)]),
        "linux.seccomp.listenerPath: missing"
      ),
      (
        Profile(defaultAction: .allow, listenerMetadata: "x"),
        "linux.seccomp.listenerMetadata: set without listenerPath"
      ),
    ] as [(Profile, String)])
  func aWrongProfileIsRefusedByName(profile: Profile, expected: String) {
    let message = failure { try SeccompProgram.program(for: profile) }
    #expect(message?.hasPrefix(expected) == true, "\(message ?? "no error")")
  }

  #if _endian(little)
    @Test func anArchitectureOfTheOtherByteOrderIsRefused() {
      let message = failure { try SeccompProgram.program(for: Profile(defaultAction: .allow, architectures: [.s390x])) }
      #expect(message?.contains("SCMP_ARCH_S390X") == true)
    }
  #endif

  // MARK: layouts

  /// Enough calls for a tree, some with conditions.
  private var several: Profile {
    let plain = [
      "read", "write", "close", "mmap", "munmap", "brk", "openat", "futex", "clone", "execve", "futex_waitv",
    ]
    return Profile(
      defaultAction: .errno,
      syscalls: [
        .init(names: plain, action: .allow),
        .init(names: ["personality", "socket"], action: .allow, args: [.init(index: 0, value: 8, op: .equal)]),
        .init(names: ["mount", "umount2"], action: .trap),
      ])
  }

  @Test func aProgramThatIsTooLongAsATreeIsMadeFlat() throws {
    let tree = try Compiler(profile: several, failOnUnknownSyscall: false, layout: .tree).compile()
    let flat = try Compiler(profile: several, failOnUnknownSyscall: false, layout: .flat).compile()
    try #require(flat.count < tree.count)
    let squeezed = try Compiler(profile: several, failOnUnknownSyscall: false, maximum: flat.count / 8).compile()
    #expect(squeezed == flat)
    let message = failure {
      try Compiler(profile: several, failOnUnknownSyscall: false, maximum: flat.count / 8 - 1).compile()
    }
    #expect(message?.contains("instructions that the kernel allows") == true)
  }

  @Test func aProgramLongerThanTheKernelTakesIsRefused() {
    let rules = (1...700).map { (number: UInt64) in
      Profile.Syscall(
        names: ["ioctl"], action: .allow,
        args: (0...3).map { .init(index: $0, value: number << 32 | number, op: .equal) }
      )
    }
    let message = failure { try SeccompProgram.program(for: Profile(defaultAction: .errno, syscalls: rules)) }
    #expect(message?.contains("4096") == true)
  }

  @Test func bothLayoutsDecideAlike() throws {
    try expectAgreement(several, architectures: [Arch.x86_64, Arch.aarch64, Arch.x86])
  }

  @Test(.enabled(if: containersProfile != nil, "needs /usr/share/containers/seccomp.json"))
  func bothLayoutsOfAFullProfileDecideAlike() throws {
    try expectAgreement(try #require(containersProfile), architectures: [Arch.x86_64, Arch.x86])
  }

  @Test(.enabled(if: containersProfile != nil, "needs /usr/share/containers/seccomp.json"))
  func aFullProfileDecidesAsItSays() throws {
    let profile = try #require(containersProfile)
    #expect(try profile.verdict("openat") == Expect.allow)
    #expect(try profile.verdict("kexec_load") == Expect.errno(1))
    #expect(try profile.verdict("personality", [8]) == Expect.allow)
    #expect(try profile.verdict("personality", [7]) == Expect.errno(38))
  }

  private func expectAgreement(_ profile: Profile, architectures: [UInt32]) throws {
    let tree = try Compiler(profile: profile, failOnUnknownSyscall: false, layout: .tree).compile()
    let flat = try Compiler(profile: profile, failOnUnknownSyscall: false, layout: .flat).compile()
    try expectAgreement(tree, flat, architectures: architectures)
  }

  private func expectAgreement(_ one: [UInt8], _ other: [UInt8], architectures: [UInt32]) throws {
    var different = 0
    for architecture in architectures {
      for number: UInt32 in [0..<600, 0x3fff_fffe..<0x4000_0258, 0xffff_fffe..<0xffff_ffff].joined() + [.max] {
        for argument: UInt64 in [0, 8, 16, 0xffff_ffff] {
          let call = Call(architecture: architecture, number: number, arguments: [argument, 0, argument &- 7])
          if try run(one, call) != run(other, call) { different += 1 }
        }
      }
    }
    #expect(different == 0)
  }
}

/// The message of the failure, or `nil` when there was none.
func failure(_ body: () throws -> some Any) -> String? {
  do {
    _ = try body()
    return nil
  } catch {
    return (error as? Failure)?.message ?? String(describing: error)
  }
}

/// The profile that podman's package installs, without what depends on capabilities; `nil` when it is not there.
let containersProfile: Config.Seccomp? = {
  guard let data = FileManager.default.contents(atPath: "/usr/share/containers/seccomp.json"),
    let json = try? JSONSerialization.jsonObject(with: data) as? [String: Any],
    let action = (json["defaultAction"] as? String).flatMap(Config.Seccomp.Action.init),
    let rules = json["syscalls"] as? [[String: Any]]
  else { return nil }
  return Config.Seccomp(
    defaultAction: action, defaultErrnoRet: (json["defaultErrnoRet"] as? NSNumber)?.uint32Value,
    architectures: [.x86_64, .x86, .x32],
    syscalls: rules.compactMap { rule in
      guard let action = (rule["action"] as? String).flatMap(Config.Seccomp.Action.init),
        let names = rule["names"] as? [String], (rule["includes"] as? [String: Any] ?? [:]).isEmpty
      else { return nil }
      let arguments = (rule["args"] as? [[String: Any]] ?? []).compactMap { argument -> Config.Seccomp.Argument? in
        guard let index = argument["index"] as? NSNumber, let value = argument["value"] as? NSNumber,
          let op = (argument["op"] as? String).flatMap(Config.Seccomp.Operator.init)
        else { return nil }
        return .init(
          index: index.uint32Value, value: value.uint64Value,
          valueTwo: (argument["valueTwo"] as? NSNumber)?.uint64Value ?? 0, op: op)
      }
      return .init(
        names: names, action: action, errnoRet: (rule["errnoRet"] as? NSNumber)?.uint32Value, args: arguments)
    })
}()

import Foundation
import Testing

#if arch(x86_64)
  extension Integration {
    /// System calls that a profile lets through and that it does not, made in a container.
    @Suite struct Seccomp {
      /// What programs need that do nothing but what is asked about here.
      private static let needed: JSON = ["names": ["execve", "exit"], "action": "SCMP_ACT_ALLOW"]

      /// What a call ends with under a profile: its error number, 0 for none, 128 and the signal when it was killed.
      private func outcome(
        of call: TinyProgram, _ profile: JSON, sourceLocation: SourceLocation = #_sourceLocation
      ) throws -> Int32 {
        var status: Int32 = -1
        try withBundle(sourceLocation: sourceLocation) { bundle throws in
          try call.write(to: bundle.rootfs + "/tiny")
          // Nothing of the runtime's own is called once the program is loaded.
          bundle.config["process"]["noNewPrivileges"] = true
          bundle.config["linux"]["seccomp"] = profile
          bundle.arguments = ["/tiny"]
          status = try bundle.run().status
        }
        return status
      }

      // MARK: a filter that somebody else has compiled

      /// `struct sock_filter`, in base64: code, jumps, value.
      private static func program(_ instructions: [(UInt16, UInt8, UInt8, UInt32)]) -> JSON {
        var bytes = Data()
        for (code, yes, no, value) in instructions {
          withUnsafeBytes(of: code) { bytes.append(contentsOf: $0) }
          bytes.append(contentsOf: [yes, no])
          withUnsafeBytes(of: value) { bytes.append(contentsOf: $0) }
        }
        return .string(bytes.base64EncodedString())
      }

      /// Making a directory fails with errno 13; the profile does not count, with which there would be no process.
      @Test func aFilterMayBeGivenAsItIs() throws {
        try withBundle { bundle throws in
          bundle.config["linux"]["seccomp"] = ["defaultAction": "SCMP_ACT_KILL_PROCESS"]
          var filter: [(UInt16, UInt8, UInt8, UInt32)] = [(0x20, 0, 0, 0)]  // load the number
          for number in [83, 258] {
            filter += [(0x15, 0, 1, UInt32(number)), (0x06, 0, 0, 0x0005_000d)]  // if equal: errno
          }
          filter.append((0x06, 0, 0, 0x7fff_0000))  // allow
          bundle.config["annotations"] = ["run.oci.seccomp_bpf_data": Seccomp.program(filter)]
          try bundle.expect(
            "mkdir /tmp/x 2>&1; grep Seccomp: /proc/self/status | cut -f2",
            prints: "mkdir: can't create directory '/tmp/x': Permission denied\n2")
        }
      }

      /// Not even exit_group(2) is allowed.
      @Test func aFilterThatRefusesEverythingEndsTheProcess() throws {
        try withBundle { bundle throws in
          // Of a debug build, which would say where it ended.
          bundle.environment.append("SWIFT_BACKTRACE=enable=no")
          bundle.config["linux"]["seccomp"] = ["defaultAction": "SCMP_ACT_ERRNO"]
          bundle.arguments = ["true"]
          bundle.expectRefused(try bundle.run(), "run", ["ended before it became the program"])
        }
      }

      @Test(arguments: ["", "AAAA", "AAAAAAA", "no base64", "BgAAAAAA/3="])
      func aFilterThatIsNoneIsRefused(_ data: String) throws {
        try withBundle { bundle throws in
          bundle.config["annotations"] = ["run.oci.seccomp_bpf_data": .string(data)]
          bundle.expectRefused(try bundle.tryCreate(), "create", ["run.oci.seccomp_bpf_data", "base64"])
        }
      }

      /// So that a C library that tries a new call and falls back to an old one runs under an old profile.
      @Test(
        arguments: [
          ("older than what the profile knows, and not allowed", 434 /* pidfd_open */, EPERM),
          ("the newest one that the profile knows", 435 /* clone3 */, EINVAL),
          ("newer than that", 436 /* close_range */, ENOSYS), ("newer than the kernel", 4000, ENOSYS),
        ] as [(String, UInt32, Int32)])
      func aCallNewerThanTheProfileIsUnknown(_ what: String, _ number: UInt32, _ error: Int32) throws {
        let status = try outcome(
          of: TinyProgram(calls: number, 0, 0),
          [
            "defaultAction": "SCMP_ACT_ERRNO",
            "syscalls": [Seccomp.needed, ["names": ["clone3"], "action": "SCMP_ACT_ALLOW"]],
          ])
        #expect(status == error, "\(what)")
      }

      @Test(
        arguments: [
          ("SCMP_CMP_EQ", 0o700, nil, true), ("SCMP_CMP_EQ", 0o701, nil, false), ("SCMP_CMP_NE", 0o700, nil, false),
          ("SCMP_CMP_LT", 0o701, nil, true), ("SCMP_CMP_LE", 0o677, nil, false), ("SCMP_CMP_GE", 0o700, nil, true),
          ("SCMP_CMP_GT", 0o700, nil, false), ("SCMP_CMP_MASKED_EQ", 0o100, 0o100, true),
          ("SCMP_CMP_MASKED_EQ", 0o007, 0o007, false),
        ] as [(String, Int, Int?, Bool)])
      func argumentsAreLookedAt(_ operation: String, _ value: Int, _ masked: Int?, _ matches: Bool) throws {
        var argument: JSON = ["index": 1, "op": .string(operation), "value": JSON(value)]
        if let masked {
          argument["value"] = JSON(masked)
          argument["valueTwo"] = JSON(value)
        }
        let status = try outcome(
          of: TinyProgram(calls: 83 /* mkdir */, 0, 0o700),
          [
            "defaultAction": "SCMP_ACT_ALLOW",
            "syscalls": [
              ["names": ["mkdir"], "action": "SCMP_ACT_ERRNO", "errnoRet": 77, "args": [argument]]
            ],
          ])
        // There is nothing at address 0.
        #expect(status == (matches ? 77 : EFAULT))
      }

      @Test(
        .enabled(if: TinyProgram.runs32Bit, "needs a kernel that runs 32-bit programs"),
        arguments: [(["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"], 77), (["SCMP_ARCH_X86_64"], 128 + SIGSYS)]
          as [([String], Int32)])
      func everyArchitectureHasItsFilter(_ architectures: [String], _ end: Int32) throws {
        let status = try outcome(
          of: TinyProgram(calls32: 39 /* mkdir */, 0, 0o700),
          [
            "defaultAction": "SCMP_ACT_ALLOW", "architectures": .array(architectures.map { .string($0) }),
            "syscalls": [["names": ["mkdir"], "action": "SCMP_ACT_ERRNO", "errnoRet": 77]],
          ])
        #expect(status == end)
      }
    }
  }

  /// A program that makes one system call of two arguments, and exits with its error number.
  struct TinyProgram {
    private static let base: UInt32 = 0x40_0000
    private let file: [UInt8]

    init(calls number: UInt32, _ first: UInt32, _ second: UInt32) {
      let code: [UInt8] =
        [0xb8] + bytes(number)  // mov eax, number
        + [0xbf] + bytes(first) + [0xbe] + bytes(second)  // mov edi, first; mov esi, second
        + [0x0f, 0x05, 0xf7, 0xd8, 0x89, 0xc7]  // syscall; neg eax; mov edi, eax
        + [0xb8] + bytes(UInt32(60)) + [0x0f, 0x05]  // exit
      let size = UInt64(120 + code.count)
      let address = UInt64(TinyProgram.base)
      // elf(5): the header of the file, then that of its one segment, which is read and executed.
      file =
        [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1] + [UInt8](repeating: 0, count: 9)
        + bytes(UInt16(2)) + bytes(UInt16(62)) + bytes(UInt32(1)) + bytes(address + 120) + bytes(UInt64(64))
        + bytes(UInt64(0)) + bytes(UInt32(0)) + bytes(UInt16(64)) + bytes(UInt16(56)) + bytes(UInt16(1))
        + bytes(UInt16(0)) + bytes(UInt16(0)) + bytes(UInt16(0))
        + bytes(UInt32(1)) + bytes(UInt32(5)) + bytes(UInt64(0)) + bytes(address) + bytes(address) + bytes(size)
        + bytes(size) + bytes(UInt64(4096)) + code
    }

    /// By the calls of 32-bit x86.
    init(calls32 number: UInt32, _ first: UInt32, _ second: UInt32) {
      let code: [UInt8] =
        [0xb8] + bytes(number)  // mov eax, number
        + [0xbb] + bytes(first) + [0xb9] + bytes(second)  // mov ebx, first; mov ecx, second
        + [0xcd, 0x80, 0xf7, 0xd8, 0x89, 0xc3]  // int 0x80; neg eax; mov ebx, eax
        + [0xb8] + bytes(UInt32(1)) + [0xcd, 0x80]  // exit
      let size = UInt32(84 + code.count)
      file =
        [0x7f, 0x45, 0x4c, 0x46, 1, 1, 1] + [UInt8](repeating: 0, count: 9)
        + bytes(UInt16(2)) + bytes(UInt16(3)) + bytes(UInt32(1)) + bytes(TinyProgram.base + 84) + bytes(UInt32(52))
        + bytes(UInt32(0)) + bytes(UInt32(0)) + bytes(UInt16(52)) + bytes(UInt16(32)) + bytes(UInt16(1))
        + bytes(UInt16(0)) + bytes(UInt16(0)) + bytes(UInt16(0))
        + bytes(UInt32(1)) + bytes(UInt32(0)) + bytes(TinyProgram.base) + bytes(TinyProgram.base) + bytes(size)
        + bytes(size) + bytes(UInt32(5)) + bytes(UInt32(4096)) + code
    }

    func write(to path: String) throws {
      let descriptor = try Files.open(path, O_WRONLY | O_CREAT | O_TRUNC, mode: 0o755)
      defer { close(descriptor) }
      try Files.write(file, to: descriptor)
    }

    /// Whether the kernel has the 32-bit calls: tried with mkdir(2) of no path.
    static let runs32Bit: Bool = {
      let path = NSTemporaryDirectory() + "/apus-tests-32-bit-\(getpid())"
      defer { unlink(path) }
      guard (try? TinyProgram(calls32: 39, 0, 0).write(to: path)) != nil else { return false }
      return (try? host(path))?.status == EFAULT
    }()
  }

  /// In the order of the processor, the lowest first.
  private func bytes<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
    withUnsafeBytes(of: number.littleEndian) { Array($0) }
  }
#endif

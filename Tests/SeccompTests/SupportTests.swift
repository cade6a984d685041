import Foundation
import Linux
import OCI
import Testing

@testable import Seccomp

@Suite struct FlagTests {
  typealias Profile = Config.Seccomp

  @Test(
    arguments: [
      (Profile.Action.allow, [], 4), (.allow, [.log], 2), (.allow, [.specAllow], 4), (.allow, [.log, .specAllow], 6),
      // Accepted and left out: one thread, no listener.
      (.allow, [.tsync], 0), (.allow, [.waitKillableRecv, .log], 2),
      (.notify, [], 12), (.notify, [.tsync, .log], 10), (.notify, [.waitKillableRecv], 40),
    ] as [(Profile.Action, [Profile.Flag], UInt)])
  func flagsBecomeBitsOfSeccomp(action: Profile.Action, flags: [Profile.Flag], expected: UInt) throws {
    let program = try SeccompProgram.program(
      for: Profile(
        defaultAction: .allow, flags: flags, listenerPath: "/run/agent.sock", listenerMetadata: "m",
        syscalls: [.init(names: ["mount"], action: action)]))
    #expect(program.flags == expected)
    #expect(program.notifies == (action == .notify))
    #expect(program.listenerPath == (action == .notify ? "/run/agent.sock" : nil))
    #expect(program.listenerMetadata == (action == .notify ? "m" : nil))
  }
}

@Suite struct SupportTests {
  @Test func whatIsListedCanBeUsed() throws {
    #expect(SeccompSupport.actions.count == 9)
    #expect(SeccompSupport.operators.count == 7)
    #expect(SeccompSupport.architectures.contains(.x86_64))
    #expect(!SeccompSupport.architectures.contains(.m68k))
    #expect(SeccompSupport.knownFlags.count == 4)
    #expect(SeccompSupport.libraryVersion.split(separator: ".").count == 3)
  }

  @Test func theKernelIsAskedForItsFlags() {
    // Linux 4.14 and 4.17; this runtime needs a newer one anyway.
    #expect(SeccompSupport.supportedFlags.contains(.log))
    #expect(SeccompSupport.supportedFlags.contains(.specAllow))
    #expect(!Library.kernelKnows(flags: 1 << 30))
  }
}

/// Filters hold for the thread that loads them, so a thread of its own can try one in the running kernel.
@Suite struct KernelTests {
  /// A process number above every `pid_max`, so that no process ever has it.
  private static let nobody: Int32 = .max
  private static let askedForNobody = Config.Seccomp.Argument(index: 0, value: UInt64(nobody), op: .equal)

  @Test func theKernelTakesTheProgramAndKeepsToIt() throws {
    let profile = Config.Seccomp(
      defaultAction: .allow,
      syscalls: [
        .init(names: ["getsid"], action: .errno, errnoRet: 77, args: [Self.askedForNobody])
      ])
    let program = try SeccompProgram.program(for: profile)
    let result = onAThread { () -> [Int32] in
      do {
        try CurrentProcess.setNoNewPrivileges()
        _ = try ProcessAttributes.loadFilter(program.instructions, flags: program.flags)
      } catch {
        return [-1]
      }
      // 0 is the answer where the session's leader lives outside the process namespace.
      let allowed = getsid(0)
      errno = 0
      let denied = getsid(Self.nobody)
      let reason = errno
      return [allowed >= 0 ? 0 : -2, denied, reason]
    }
    #expect(result == [0, -1, 77])

    errno = 0
    let unfiltered = getsid(Self.nobody)
    let reason = errno
    #expect(unfiltered == -1)
    #expect(reason == ESRCH)
  }

  @Test func aListenerGetsADescriptor() throws {
    let profile = Config.Seccomp(
      defaultAction: .allow, flags: [.waitKillableRecv], listenerPath: "/run/agent.sock",
      syscalls: [.init(names: ["getsid"], action: .notify, args: [Self.askedForNobody])])
    let program = try SeccompProgram.program(for: profile)
    let result = onAThread { () -> Bool in
      do {
        try CurrentProcess.setNoNewPrivileges()
        let listener = try ProcessAttributes.loadFilter(program.instructions, flags: program.flags)
        return listener != nil
      } catch {
        return false
      }
    }
    #expect(result)
  }

  @Test(.enabled(if: containersProfile != nil, "needs /usr/share/containers/seccomp.json"))
  func theKernelTakesAFullProfile() throws {
    let program = try SeccompProgram.program(for: try #require(containersProfile))
    let result = onAThread { () -> Int32 in
      do {
        try CurrentProcess.setNoNewPrivileges()
        _ = try ProcessAttributes.loadFilter(program.instructions, flags: program.flags)
        return 0
      } catch {
        return (error as? SystemError)?.errno.rawValue ?? -1
      }
    }
    #expect(result == 0)
  }

  private func onAThread<R: Sendable>(_ body: @escaping @Sendable () -> R) -> R {
    let box = Box<R>()
    let done = DispatchSemaphore(value: 0)
    Thread {
      box.value = body()
      done.signal()
    }.start()
    done.wait()
    return box.value!
  }

  private final class Box<R>: @unchecked Sendable { var value: R? }
}

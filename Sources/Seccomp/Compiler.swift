import CSeccomp
import Linux
import OCI

/// Turns a profile into a program, through libseccomp.
struct Compiler {
  let profile: Config.Seccomp
  let failOnUnknownSyscall: Bool
  /// What libseccomp is asked for first.
  var layout = LibraryFilter.Layout.tree
  /// In instructions.
  var maximum = ClassicBPF.maximum

  /// Instructions of the whole program, as an array of struct sock_filter.
  func compile() throws(Failure) -> [UInt8] {
    let defaultVerdict = try profile.defaultAction.verdict(
      data: profile.defaultErrnoRet, in: "linux.seccomp.defaultErrnoRet")
    let filter = try step("linux.seccomp") { () throws(SystemError) in
      try LibraryFilter(defaultAction: defaultVerdict)
    }
    let tokens = try addArchitectures(to: filter)
    for index in profile.syscalls.indices { try addRule(index, to: filter, unless: defaultVerdict) }

    var program = ClassicBPF()
    if !profile.defaultAction.leavesNewCallsAlone && defaultVerdict != Verdict.errno | Verdict.enosys {
      program = NewerCalls(names: profile.syscalls.lazy.flatMap { $0.names }, on: tokens).program
    }
    return program.bytes + (try export(filter, limit: max(0, maximum - program.count)))
  }

  /// A tree may need more instructions than the kernel takes; then the flat layout may still do.
  private func export(_ filter: borrowing LibraryFilter, limit: Int) throws(Failure) -> [UInt8] {
    do {
      if let program = try filter.program(layout, limit: limit) { return program }
      if layout != .flat, let program = try filter.program(.flat, limit: limit) { return program }
    } catch {
      throw Failure("linux.seccomp", error)
    }
    throw Failure(
      "linux.seccomp: the profile needs more than the " + String(maximum)
        + " instructions that the kernel allows; name fewer system calls or architectures")
  }

  /// Adds the profile's architectures to the native one, and returns all their tokens.
  private func addArchitectures(to filter: borrowing LibraryFilter) throws(Failure) -> [UInt32] {
    var tokens = [Library.nativeArchitecture]
    for architecture in profile.architectures {
      guard let token = Library.token(of: architecture) else {
        throw Failure(
          "linux.seccomp.architectures: libseccomp " + SeccompSupport.libraryVersion + " does not know "
            + architecture.rawValue)
      }
      if tokens.contains(token) { continue }
      tokens.append(token)
      do {
        try filter.add(architecture: token)
      } catch {
        // EDOM: the other byte order.
        throw Failure("linux.seccomp.architectures: " + architecture.rawValue + " beside the native one", error)
      }
    }
    return tokens
  }

  /// Adds one entry of `syscalls`.
  private func addRule(_ index: Int, to filter: borrowing LibraryFilter, unless defaultVerdict: UInt32) throws(Failure)
  {
    let rule = profile.syscalls[index]
    func place() -> String { "linux.seccomp.syscalls[" + String(index) + "]" }
    let verdict = try rule.action.verdict(data: rule.errnoRet, in: place() + ".errnoRet")
    let alternatives = try conditions(of: rule, place)
    for name in rule.names {
      guard let number = Library.number(of: name) else {
        // A profile is written for the newest kernel; what this library has no number for, the default action meets.
        if !failOnUnknownSyscall { continue }
        throw Failure(
          place() + ": libseccomp " + SeccompSupport.libraryVersion + " does not know the system call \"" + name + "\"")
      }
      // libseccomp refuses what the default action does anyway.
      if verdict == defaultVerdict { continue }
      for conditions in alternatives {
        do {
          try filter.add(rule: verdict, call: number, conditions: conditions)
        } catch {
          throw Failure(
            place() + " \"" + name + "\"", error,
            hint: error.errno == .fileExists ? "an earlier rule says otherwise about the same calls" : nil)
        }
      }
    }
  }

  /// The rule's conditions: one list whose members must all hold.
  ///
  /// libseccomp cannot test an argument twice in one rule. Where a profile does, runc makes a rule of each condition, so
  /// that *any* of them is enough; profiles rely on it.
  private func conditions(of rule: Config.Seccomp.Syscall, _ place: () -> String) throws(Failure) -> [[scmp_arg_cmp]] {
    var all: [scmp_arg_cmp] = []
    var tested: UInt32 = 0
    var anyIsEnough = false
    for argument in rule.args {
      if argument.index > 5 {
        throw Failure(place() + ".args: index " + String(argument.index) + ": a system call has six arguments, 0 to 5")
      }
      let bit: UInt32 = 1 << argument.index
      if tested & bit != 0 { anyIsEnough = true }
      tested |= bit
      all.append(
        scmp_arg_cmp(
          arg: argument.index, op: argument.op.comparison, datum_a: argument.value,
          // Only the masked comparison has a second number: there the first is the mask.
          datum_b: argument.op == .maskedEqual ? argument.valueTwo : 0))
    }
    return anyIsEnough ? all.map { [$0] } : [all]
  }
}

extension Config.Seccomp.Operator {
  fileprivate var comparison: scmp_compare {
    switch self {
    case .notEqual: SCMP_CMP_NE
    case .less: SCMP_CMP_LT
    case .lessOrEqual: SCMP_CMP_LE
    case .equal: SCMP_CMP_EQ
    case .greaterOrEqual: SCMP_CMP_GE
    case .greater: SCMP_CMP_GT
    case .maskedEqual: SCMP_CMP_MASKED_EQ
    }
  }
}

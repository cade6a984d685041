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
    let verdict = try defaultVerdict()
    let tokens = try tokens()
    var start = ClassicBPF()
    if !profile.defaultAction.leavesNewCallsAlone && verdict != Verdict.errno | Verdict.enosys {
      start = NewerCalls(names: profile.syscalls.lazy.flatMap { $0.names }, on: tokens).program
    }
    if let program = try program(layout, start, tokens) { return program }
    // A tree may need more instructions than the kernel takes; then the flat layout may still do.
    if layout != .flat, let program = try program(.flat, start, tokens) { return program }
    throw Failure(
      "linux.seccomp: the profile needs more than the " + String(maximum)
        + " instructions that the kernel allows; name fewer system calls or architectures")
  }

  func defaultVerdict() throws(Failure) -> UInt32 {
    try profile.defaultAction.verdict(data: profile.defaultErrnoRet, in: "linux.seccomp.defaultErrnoRet")
  }

  /// One program of the library for each value of `seccomp_data.arch`, behind one another; `nil`: it is too long.
  ///
  /// The library would put all architectures into one; but what that takes grows with the square of its length.
  private func program(_ layout: LibraryFilter.Layout, _ start: ClassicBPF, _ tokens: [UInt32]) throws(Failure)
    -> [UInt8]?
  {
    let families = families(of: tokens)
    var program = start
    if families.count > 1 { program.load(ClassicBPF.architecture) }
    for (index, family) in families.enumerated() {
      let isLast = index == families.count - 1
      let left = maximum - program.count - (isLast ? 0 : 2)
      guard left > 0 else { return nil }
      let filter = try filter(family)
      guard
        let part = try step("linux.seccomp", { () throws(SystemError) in try filter.program(layout, limit: left) })
      else { return nil }
      // The last one also answers for the architectures that are in none.
      if !isLast {
        program.ifEqual(Token.auditValue(of: family[0]), skip: 1, else: 0)
        program.skip(part.count / 8)
      }
      program.append(part)
    }
    return program.bytes
  }

  /// The tokens whose calls come with the same `seccomp_data.arch`, the native ones first.
  private func families(of tokens: [UInt32]) -> [[UInt32]] {
    var families: [[UInt32]] = []
    for token in tokens {
      let value = Token.auditValue(of: token)
      if let index = families.firstIndex(where: { Token.auditValue(of: $0[0]) == value }) {
        families[index].append(token)
      } else {
        families.append([token])
      }
    }
    return families
  }

  /// The library's filter for these architectures alone.
  func filter(_ tokens: [UInt32]) throws(Failure) -> LibraryFilter {
    let verdict = try defaultVerdict()
    let filter = try step("linux.seccomp") { () throws(SystemError) in try LibraryFilter(defaultAction: verdict) }
    for token in tokens {
      do {
        try filter.add(architecture: token)
      } catch {
        // EDOM: the other byte order.
        let name = profile.architectures.first { Library.token(of: $0) == token }?.rawValue ?? ""
        throw Failure("linux.seccomp.architectures: " + name + " beside the native one", error)
      }
    }
    if !tokens.contains(Library.nativeArchitecture) {
      try step("linux.seccomp") { () throws(SystemError) in
        try filter.remove(architecture: Library.nativeArchitecture)
      }
    }
    for index in profile.syscalls.indices { try addRule(index, to: filter, unless: verdict) }
    return filter
  }

  /// The native architecture and the profile's.
  func tokens() throws(Failure) -> [UInt32] {
    var tokens = [Library.nativeArchitecture]
    for architecture in profile.architectures {
      guard let token = Library.token(of: architecture) else {
        throw Failure(
          "linux.seccomp.architectures: libseccomp " + SeccompSupport.libraryVersion + " does not know "
            + architecture.rawValue)
      }
      if tokens.contains(token) { continue }
      tokens.append(token)
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

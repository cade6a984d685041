extension Config.Seccomp {
  func check(_ path: String, _ findings: inout Findings) {
    if defaultAction == .notify {
      findings.error(
        path + ".defaultAction", "must not be SCMP_ACT_NOTIFY: the container's own start would wait for an answer")
    }
    if defaultErrnoRet != nil, !defaultAction.takesNumber {
      findings.warn(path + ".defaultErrnoRet", "has no effect with " + defaultAction.rawValue)
    }
    for (index, rule) in syscalls.enumerated() {
      rule.check({ element(path + ".syscalls", index) }, &findings)
    }
  }
}

extension Config.Seccomp.Action {
  /// Whether the action comes with an errno or a message.
  var takesNumber: Bool { self == .errno || self == .trace }
}

extension Config.Seccomp.Syscall {
  func check(_ path: () -> String, _ findings: inout Findings) {
    if names.isEmpty { findings.error(path() + ".names", "must name at least one system call") }
    if errnoRet != nil, !action.takesNumber {
      findings.warn(path() + ".errnoRet", "has no effect with " + action.rawValue)
    }
    for (index, argument) in args.enumerated() where argument.index > 5 {
      findings.error(
        element(path() + ".args", index) + ".index",
        "must be from 0 to 5, found " + String(argument.index) + ": a system call has six arguments")
    }
  }
}

import OCI

extension SeccompCache {
  /// The fingerprint of everything that shapes a program.
  ///
  /// The running kernel does not: see `LibraryFilter.init`. Nor do `listenerPath` and `listenerMetadata`, which may
  /// differ with every container; they are not part of the instructions.
  struct Key: Equatable {
    let digest: Digest

    /// Changes when this module makes another program from the same profile.
    private static var format: UInt64 { 2 }

    init(_ profile: Config.Seccomp, failOnUnknownSyscall: Bool) {
      self.init(
        profile, failOnUnknownSyscall: failOnUnknownSyscall, libraryVersion: Library.version,
        nativeArchitecture: Library.nativeArchitecture)
    }

    /// Every list goes in with its length, every text with its end: two profiles never make the same message.
    init(
      _ profile: Config.Seccomp, failOnUnknownSyscall: Bool, libraryVersion: (UInt32, UInt32, UInt32),
      nativeArchitecture: UInt32
    ) {
      var hash = Blake2b()
      hash.add(Key.format)
      hash.add(UInt64(libraryVersion.0) << 32 | UInt64(libraryVersion.1))
      hash.add(UInt64(libraryVersion.2) << 32 | UInt64(nativeArchitecture))
      hash.add(failOnUnknownSyscall ? 1 : 0)
      hash.add(profile.defaultAction, profile.defaultErrnoRet)
      hash.add(UInt64(profile.architectures.count))
      for architecture in profile.architectures { hash.add(architecture.rawValue) }
      hash.add(UInt64(profile.flags.count))
      for flag in profile.flags { hash.add(flag.rawValue) }
      hash.add(UInt64(profile.syscalls.count))
      for rule in profile.syscalls { hash.add(rule) }
      digest = hash.finish()
    }

    /// The name of the file that holds the program.
    var fileName: String { "seccomp-" + digest.hex }
  }
}

extension Blake2b {
  fileprivate mutating func add(_ action: Config.Seccomp.Action, _ errnoRet: UInt32?) {
    add(action.rawValue)
    // No 32-bit number: absent.
    add(errnoRet.map(UInt64.init) ?? UInt64.max)
  }

  fileprivate mutating func add(_ rule: Config.Seccomp.Syscall) {
    add(rule.action, rule.errnoRet)
    add(UInt64(rule.names.count))
    for name in rule.names { add(name) }
    add(UInt64(rule.args.count))
    for argument in rule.args {
      add(UInt64(argument.index))
      add(argument.value)
      add(argument.valueTwo)
      add(argument.op.rawValue)
    }
  }
}

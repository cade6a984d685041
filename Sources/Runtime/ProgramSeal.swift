import Linux

/// Says that no container can write to the file of the running program (CVE-2019-5736): without one,
/// ``ContainerStore`` makes and enters no container.
///
/// A process that is on its way into a container still has the file of the program that made it as its /proc/PID/exe. With
/// the host's root in the container, somebody inside could overwrite that file, and would be the host's root when it is
/// run the next time.
public struct ProgramSeal: Sendable {
  private init() {}

  /// Sees to it that the program runs from a file nobody can write to.
  ///
  /// It does so already when it lies in a file system that is read-only as a whole. Otherwise it is **started
  /// again** from a sealed file, with the arguments, the environment and the descriptors that it was started with: to be called early in
  /// `main`, before there are threads, and before anything is done that must not be done twice.
  public static func affix() throws(Failure) -> ProgramSeal {
    try step("seal", hint: { $0 == .permissionDenied ? "is the sysctl vm.memfd_noexec set?" : nil }) {
      () throws(SystemError) in
      let program = try ProgramFile()
      if try !program.isSealed() { try program.restartSealed() }
    }
    return ProgramSeal()
  }

  /// For programs that see to it in a way of their own, or run only containers that map the host's root to nobody. Such a
  /// program can be overwritten by any other container.
  public static var waived: ProgramSeal { ProgramSeal() }
}

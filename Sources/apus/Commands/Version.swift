import Linux
import OCI
import Seccomp

/// `version`, as well as `--version`.
struct Version: Command {
  static var name: StaticString { "version" }
  static var summary: StaticString { "print the versions of program, specification and library" }

  /// In the form engines read.
  static var text: String {
    "apus version " + Build.version + "\ncommit: " + Build.commit + "\nspec: " + specificationVersion
      + "\nlibseccomp: " + SeccompSupport.libraryVersion + "\n"
  }

  func run(in session: Session) throws(Failure) -> Int32 {
    try printOut(Version.text)
    return 0
  }
}

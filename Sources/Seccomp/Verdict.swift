import Linux
import OCI

/// Return values of a filter (linux/seccomp.h): an action, and 16 bits of data for some of them.
enum Verdict {
  static let killProcess: UInt32 = 0x8000_0000
  static let killThread: UInt32 = 0
  static let trap: UInt32 = 0x0003_0000
  static let errno: UInt32 = 0x0005_0000
  static let notify: UInt32 = 0x7fc0_0000
  static let trace: UInt32 = 0x7ff0_0000
  static let log: UInt32 = 0x7ffc_0000
  static let allow: UInt32 = 0x7fff_0000

  static let eperm: UInt32 = 1
  static let enosys: UInt32 = 38
}

extension Config.Seccomp.Action {
  /// What the kernel is told. `data` is `errnoRet` of the property that is called `place` in errors.
  func verdict(data: UInt32?, in place: @autoclosure () -> String) throws(Failure) -> UInt32 {
    let base: UInt32
    var limit: UInt32 = 0
    switch self {
    case .kill, .killThread: base = Verdict.killThread
    case .killProcess: base = Verdict.killProcess
    case .trap: base = Verdict.trap
    case .allow: base = Verdict.allow
    case .log: base = Verdict.log
    case .notify: base = Verdict.notify
    // libseccomp wants less than the kernel's MAX_ERRNO.
    case .errno: (base, limit) = (Verdict.errno, 4094)
    case .trace: (base, limit) = (Verdict.trace, 0xffff)
    }
    guard let data else { return limit == 0 ? base : base | Verdict.eperm }
    // config-linux.md: "When the action doesn't support an errno, the runtime MUST print and error and fail."
    if limit == 0 { throw Failure(place() + ": " + rawValue + " takes no errno, found " + String(data)) }
    if data > limit {
      throw Failure(place() + ": " + String(data) + " is out of range; " + rawValue + " takes 0 to " + String(limit))
    }
    return base | data
  }

  /// Whether calls that the profile does not speak of go through, or are left to somebody who decides: a tracer and a
  /// listener want to see new calls too.
  var leavesNewCallsAlone: Bool {
    switch self {
    case .allow, .log, .trace, .notify: true
    case .kill, .killThread, .killProcess, .trap, .errno: false
    }
  }
}

import CLinux

/// Why a system call failed (errno(3)).
public struct Errno: Equatable, Sendable {
  public let rawValue: Int32

  public init(rawValue: Int32) { self.rawValue = rawValue }

  /// The reason in the C library's words, such as `No such file or directory`.
  public var description: String { unsafe String(cString: clx_strerror(rawValue)) }

  public static var notPermitted: Errno { Errno(rawValue: EPERM) }
  public static var noSuchFileOrDirectory: Errno { Errno(rawValue: ENOENT) }
  public static var noSuchProcess: Errno { Errno(rawValue: ESRCH) }
  public static var badFileDescriptor: Errno { Errno(rawValue: EBADF) }
  public static var ioError: Errno { Errno(rawValue: EIO) }
  public static var noSuchDevice: Errno { Errno(rawValue: ENODEV) }
  public static var noSuchAddressOrDevice: Errno { Errno(rawValue: ENXIO) }
  public static var wouldBlock: Errno { Errno(rawValue: EAGAIN) }
  public static var permissionDenied: Errno { Errno(rawValue: EACCES) }
  public static var resourceBusy: Errno { Errno(rawValue: EBUSY) }
  public static var fileExists: Errno { Errno(rawValue: EEXIST) }
  public static var notDirectory: Errno { Errno(rawValue: ENOTDIR) }
  public static var isDirectory: Errno { Errno(rawValue: EISDIR) }
  public static var invalidArgument: Errno { Errno(rawValue: EINVAL) }
  public static var fileTooLarge: Errno { Errno(rawValue: EFBIG) }
  public static var noSpace: Errno { Errno(rawValue: ENOSPC) }
  public static var readOnlyFileSystem: Errno { Errno(rawValue: EROFS) }
  public static var brokenPipe: Errno { Errno(rawValue: EPIPE) }
  public static var fileNameTooLong: Errno { Errno(rawValue: ENAMETOOLONG) }
  public static var noFunction: Errno { Errno(rawValue: ENOSYS) }
  public static var tooManySymbolicLinkLevels: Errno { Errno(rawValue: ELOOP) }
  public static var notSupported: Errno { Errno(rawValue: EOPNOTSUPP) }
  public static var connectionReset: Errno { Errno(rawValue: ECONNRESET) }
  public static var timedOut: Errno { Errno(rawValue: ETIMEDOUT) }
}

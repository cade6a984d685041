import CLinux

/// A system call that failed: what was called, on what, and why.
public struct SystemError: Error {
  public let call: StaticString
  public let subject: String
  public let errno: Errno

  public init(call: StaticString, subject: String, errno: Errno) {
    self.call = call
    self.subject = subject
    self.errno = errno
  }

  /// The same failure, told of the file the caller knows: calls on a descriptor have no name to tell.
  public func on(_ subject: String) -> SystemError { SystemError(call: call, subject: subject, errno: errno) }

  /// `openat2 "etc/passwd": No such file or directory`, in the C library's words.
  public var description: String {
    let name = call.description
    if subject.isEmpty { return name + ": " + errno.description }
    return name + " \"" + subject + "\": " + errno.description
  }
}

/// A step that failed: the one line a user reads, without the program's and the command's name.
///
/// Made where the step is known, printed once, at the top.
public struct Failure: Error {
  public var message: String
  /// The reason in the kernel's terms, where there is one: some callers act on it.
  public var errno: Errno?

  public init(_ message: String, errno: Errno? = nil) {
    self.message = message
    self.errno = errno
  }

  public init(_ step: String, _ cause: SystemError, hint: String? = nil) {
    message = step + ": " + cause.description
    if let hint { message += "; " + hint }
    errno = cause.errno
  }
}

/// Runs the system calls of one step; a failure gets the step's name in front.
@inlinable
public func step<R: ~Copyable>(
  _ name: @autoclosure () -> String, hint: (Errno) -> String? = { _ in nil }, _ body: () throws(SystemError) -> R
) throws(Failure) -> R {
  do {
    return try body()
  } catch {
    throw Failure(name(), error, hint: hint(error.errno))
  }
}

/// Turns a shim's `-errno` into an error; any other result passes.
@discardableResult
func check(_ call: StaticString, on subject: @autoclosure () -> String = "", _ result: Int32) throws(SystemError)
  -> Int32
{
  if result >= 0 { return result }
  throw SystemError(call: call, subject: subject(), errno: Errno(rawValue: -result))
}

/// As above, for calls that answer with a size.
@discardableResult
func check(_ call: StaticString, on subject: @autoclosure () -> String = "", _ result: Int) throws(SystemError) -> Int {
  if result >= 0 { return result }
  throw SystemError(call: call, subject: subject(), errno: Errno(rawValue: Int32(-result)))
}

import CLinux

/// A counter in the kernel that becomes readable when something is added to it; reading never waits. See eventfd(2).
public enum EventCounter {
  public static func make() throws(SystemError) -> Descriptor {
    Descriptor(taking: try check("eventfd", clx_eventfd()))
  }
}

extension Descriptor {
  /// Back to the start of the file. See lseek(2).
  public func rewind() throws(SystemError) { try check("lseek", clx_rewind(number)) }
}

import CTestSupport
import Foundation

/// A unix socket that listens, as engines hold one for the terminal.
final class Listener {
  let path: String
  private let descriptor: Int32

  init(_ path: String) throws {
    self.path = path
    descriptor = ct_listen(path)
    if descriptor < 0 { throw TestError.system("listen \(path)") }
  }

  deinit { close(descriptor) }

  /// The descriptor that the next peer sends; `nil`: none came within a few seconds.
  func receive() -> Int32? {
    let received = ct_receive_descriptor(descriptor, 10_000)
    return received < 0 ? nil : received
  }
}

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

  /// Takes the next peer's connection, and closes it at once.
  func hangUp() {
    var ready = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    if poll(&ready, 1, 60_000) == 1 { close(accept(descriptor, nil, nil)) }
  }
}

/// Who is asked about system calls (SCMP_ACT_NOTIFY), as an engine's agent.
final class SeccompAgent {
  let path: String
  private let listener: Int32
  private var descriptor: Int32 = -1

  init(_ path: String) throws {
    self.path = path
    listener = ct_listen(path)
    if listener < 0 { throw TestError.system("listen \(path)") }
  }

  deinit {
    close(listener)
    if descriptor >= 0 { close(descriptor) }
  }

  /// What the runtime sends with the descriptor of the container's process.
  func receive() throws -> JSON {
    if descriptor >= 0 { close(descriptor) }
    descriptor = -1
    var text = [CChar](repeating: 0, count: 65536)
    let length = ct_receive_message(listener, 20_000, &text, text.count, &descriptor)
    guard length > 0, descriptor >= 0 else { throw TestError("no descriptor came to \(path)") }
    return try JSON(parsing: String(decoding: text.prefix(length).map { UInt8(bitPattern: $0) }, as: UTF8.self))
  }

  /// Answers the next question; the number of the system call, -1 when none comes any more.
  func answer(error: Int32) -> Int32 {
    var id: UInt64 = 0
    let call = ct_take_notification(descriptor, 20_000, &id)
    return call >= 0 && ct_answer_notification(descriptor, id, error) == 0 ? call : -1
  }

  /// The next question, to be answered later.
  func take() throws -> UInt64 {
    var id: UInt64 = 0
    guard ct_take_notification(descriptor, 20_000, &id) >= 0 else { throw TestError("no question came to \(path)") }
    return id
  }

  func answer(_ question: UInt64, error: Int32) -> Bool { ct_answer_notification(descriptor, question, error) == 0 }

  /// Whether the process still waits for the answer.
  func isAsked(_ question: UInt64) -> Bool { ct_notification_waits(descriptor, question) != 0 }
}

import Linux

/// What parent and container process say to each other, one message a packet.
///
///     parent                                   container process
///       │            ◀── hasPID(n) ──             (intermediate process only)
///       │            ◀── needsIDMaps ──           (new user namespace only)
///       │  ── idMapsWritten ──▶
///       │  ── cgroupReady ──▶                     (systemd only)
///       │            ◀── environmentReady ──      (prestart or createRuntime hooks only)
///       │  ── proceed(filter) ──▶
///       │            ◀── created | failed ──
///       │  ── detach ──▶                          create: the gate takes over
///       │  ── start ──▶                           run
///       │            ◀── filterLoaded ──          with the descriptor of SCMP_ACT_NOTIFY, if the filter notifies
///       │            ◀── failed | end of file ──  end of file: execve(2) has closed the socket
///
/// Who finds the other side gone ends: the container process by exiting, the parent by cleaning up.
public enum ParentMessage: Equatable {
  case idMapsWritten
  /// The process is in its cgroup.
  case cgroupReady
  /// Goes on to the hooks and the pivot, with the seccomp program to load at the end.
  /// An empty program is none.
  case proceed(FilterPlan)
  case detach
  case start

  /// Appended to, and not array literals: those of one function get the same symbols in every module into which Embedded
  /// Swift (6.3) copies the function, in another order each, and the linker takes any (`scripts/lint`, rule `outlined`).
  public var bytes: [UInt8] {
    var bytes: [UInt8] = []
    switch self {
    case .idMapsWritten: bytes.append(1)
    case .cgroupReady: bytes.append(2)
    case .proceed(let filter):
      bytes.reserveCapacity(9 + filter.instructions.count)
      bytes.append(3)
      for shift in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: filter.flags >> UInt(shift * 8))) }
      bytes += filter.instructions
    case .detach: bytes.append(4)
    case .start: bytes.append(5)
    }
    return bytes
  }

  public init?(_ bytes: [UInt8]) {
    switch bytes.first {
    case 1: self = .idMapsWritten
    case 2: self = .cgroupReady
    case 3:
      guard bytes.count >= 9 else { return nil }
      var flags: UInt = 0
      for shift in 0..<8 { flags |= UInt(bytes[1 + shift]) << UInt(shift * 8) }
      self = .proceed(FilterPlan(instructions: Array(bytes[9...]), flags: flags))
    case 4: self = .detach
    case 5: self = .start
    default: return nil
    }
  }

  /// More than the largest program the kernel takes (4,096 instructions of 8 bytes).
  static let maximumSize = 65536
}

/// A compiled seccomp program and the flags of seccomp(2).
public struct FilterPlan: Equatable, Sendable {
  public var instructions: [UInt8]
  public var flags: UInt

  /// No filter is loaded.
  public static var none: FilterPlan { FilterPlan(instructions: [], flags: 0) }

  public init(instructions: [UInt8], flags: UInt) {
    self.instructions = instructions
    self.flags = flags
  }
}

/// What the container process says to its parent.
public enum ChildMessage: Equatable {
  case hasPID(Int32)
  case needsIDMaps
  case environmentReady
  case created
  /// A filter that notifies is loaded; the descriptor for its listener comes along.
  case filterLoaded
  case failed(String, errno: Int32)
  /// A startContainer hook has failed: the container is to be destroyed.
  case hookFailed(String)

  public var bytes: [UInt8] {
    switch self {
    case .hasPID(let pid): return [1] + Array(String(pid).utf8)
    case .needsIDMaps: return [2]
    case .environmentReady: return [3]
    case .created: return [4]
    case .filterLoaded: return [7]
    case .failed(let message, let errno):
      let number = UInt32(bitPattern: errno)
      // One packet holds it all; a longer message keeps its end, where the reason stands.
      return [5, UInt8(truncatingIfNeeded: number), UInt8(truncatingIfNeeded: number >> 8)]
        + Array(message.utf8.suffix(ChildMessage.maximumSize - 3))
    case .hookFailed(let message): return [6] + Array(message.utf8.suffix(ChildMessage.maximumSize - 1))
    }
  }

  public init?(_ bytes: [UInt8]) {
    switch bytes.first {
    case 1:
      guard let pid = decimal(bytes.dropFirst()), pid > 0 && pid <= UInt64(Int32.max) else { return nil }
      self = .hasPID(Int32(pid))
    case 2: self = .needsIDMaps
    case 3: self = .environmentReady
    case 4: self = .created
    case 5:
      guard bytes.count >= 3 else { return nil }
      self = .failed(
        String(decoding: bytes[3...], as: UTF8.self), errno: Int32(bytes[1]) | Int32(bytes[2]) << 8)
    case 6: self = .hookFailed(String(decoding: bytes[1...], as: UTF8.self))
    case 7: self = .filterLoaded
    default: return nil
    }
  }

  public static let maximumSize = 16384
}

extension Socket {
  func send(_ message: ChildMessage) throws(SystemError) { try send(message.bytes) }

  public func send(_ message: ParentMessage) throws(SystemError) { try send(message.bytes) }

  /// The parent's next message; `nil` when the parent has gone.
  func receiveFromParent() throws(SystemError) -> ParentMessage? {
    ParentMessage(try receive(upTo: ParentMessage.maximumSize).bytes)
  }
}

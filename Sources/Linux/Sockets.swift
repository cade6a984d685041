import CLinux

/// A unix socket that carries whole messages and descriptors (unix(7)).
public struct Socket: ~Copyable {
  public let descriptor: Descriptor

  public init(_ descriptor: consuming Descriptor) { self.descriptor = descriptor }

  /// The numbers of two connected sockets that keep message boundaries (SOCK_SEQPACKET), for the caller to take.
  /// See socketpair(2).
  public static func pairNumbers() throws(SystemError) -> (first: Int32, second: Int32) {
    var numbers: (first: Int32, second: Int32) = (-1, -1)
    let result = unsafe withUnsafeMutableBytes(of: &numbers) {
      unsafe clx_socketpair(
        SocketType.packet | SocketType.closeOnExec, $0.assumingMemoryBound(to: Int32.self).baseAddress)
    }
    try check("socketpair", result)
    return numbers
  }

  /// Connects to a listening stream socket by path; paths too long for an address go through the directory.
  public static func connect(stream path: String) throws(SystemError) -> Socket {
    try connect(path, type: SocketType.stream)
  }

  /// Connects to a datagram socket by path, to send and not to wait: what finds the receiver's queue full is an error.
  public static func connect(sender path: String) throws(SystemError) -> Socket {
    try connect(path, type: SocketType.datagram | SocketType.nonBlocking)
  }

  fileprivate static func connect(_ path: String, type: Int32) throws(SystemError) -> Socket {
    let socket = try make(type)
    // A long name of the abstract namespace is one all the same, and refused.
    if path.utf8.count < 108 || path.utf8.first == UInt8(ascii: "@") {
      try check("connect", on: path, unsafe clx_unix_connect(socket.descriptor.number, path))
      return socket
    }
    let (parent, name) = splitPath(path)
    let directory = try openFile(parent, [.path, .directory])
    try check("connect", on: path, unsafe clx_unix_connect(socket.descriptor.number, shortPath(name, in: directory)))
    return socket
  }

  private static func make(_ type: Int32) throws(SystemError) -> Socket {
    Socket(Descriptor(taking: try check("socket", clx_unix_socket(type | SocketType.closeOnExec))))
  }

  /// A path that fits into an address, however long the directory's own is.
  private static func shortPath(_ name: String, in directory: borrowing Descriptor) -> String {
    "/proc/self/fd/" + String(directory.number) + "/" + name
  }

  /// Connects to the listening packet socket `name` in a directory of ours.
  public static func connect(_ name: String, in directory: borrowing Directory) throws(SystemError) -> Socket {
    let socket = try make(SocketType.packet)
    let short = shortPath(name, in: directory.descriptor)
    try check("connect", on: name, unsafe clx_unix_connect(socket.descriptor.number, short))
    return socket
  }

  /// Makes the listening packet socket `name` in a directory of ours: its path may be longer than an address.
  public static func listen(_ name: String, in directory: borrowing Directory) throws(SystemError) -> Socket {
    let socket = try make(SocketType.packet)
    let short = shortPath(name, in: directory.descriptor)
    try check("bind", on: name, unsafe clx_unix_bind(socket.descriptor.number, short))
    try check("listen", on: name, clx_listen(socket.descriptor.number, 4))
    return socket
  }

  /// Makes the datagram socket `name` in a directory of ours: anybody who may write it can send to it.
  public static func receiver(_ name: String, in directory: borrowing Directory) throws(SystemError) -> Socket {
    let socket = try make(SocketType.datagram)
    let short = shortPath(name, in: directory.descriptor)
    try check("bind", on: name, unsafe clx_unix_bind(socket.descriptor.number, short))
    return socket
  }

  /// Gives the descriptor up without closing it.
  public consuming func release() -> Int32 { descriptor.release() }

  /// Waits for a peer to connect. See accept4(2).
  public func accept() throws(SystemError) -> Socket {
    while true {
      let result = clx_accept4(descriptor.number, SocketType.closeOnExec)
      if result == -EINTR || result == -ECONNABORTED { continue }
      return Socket(Descriptor(taking: try check("accept", result)))
    }
  }

  /// Sends one message, with a descriptor if one is given. See sendmsg(2), SCM_RIGHTS.
  public func send(_ bytes: [UInt8], descriptor passed: Int32? = nil) throws(SystemError) {
    var number = passed ?? -1
    while true {
      let result = unsafe bytes.withUnsafeBytes {
        unsafe clx_send(descriptor.number, $0.baseAddress, $0.count, &number, passed == nil ? 0 : 1)
      }
      if result == -Int(EINTR) { continue }
      try check("sendmsg", result)
      return
    }
  }

  /// Receives one message of at most `size` bytes; empty when the peer has closed. See recvmsg(2).
  ///
  /// A peer that has closed before it read everything we sent shows as ECONNRESET, once, ahead of what it said before: that
  /// is received all the same.
  public func receive(upTo size: Int = 16384) throws(SystemError) -> Message {
    var received: Int32 = -1
    var result = 0
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
      var wasReset = false
      repeat {
        if result == -Int(ECONNRESET) { wasReset = true }
        result = unsafe clx_receive(descriptor.number, buffer.baseAddress, size, &received, 0)
      } while result == -Int(EINTR) || (result == -Int(ECONNRESET) && !wasReset)
      count = max(0, result)
    }
    try check("recvmsg", result)
    return Message(bytes: bytes, descriptor: received >= 0 ? Descriptor(taking: received) : nil)
  }

  /// Whether the peer has gone, without waiting.
  public func peerHasClosed() throws(SystemError) -> Bool {
    try poll([Polled(descriptor.number, [])], milliseconds: 0)[0].seen.contains(.hangUp)
  }
}

/// A connection by a unix stream socket on which nothing waits longer than until its deadline.
public struct TimedStream: ~Copyable {
  private let socket: Socket
  /// In milliseconds of ``Clock/monotonicMilliseconds()``.
  private let deadline: Int64

  /// Connects; a listener whose queue is full is asked again.
  public init(connecting path: String, milliseconds: Int64) throws(SystemError) {
    deadline = Clock.monotonicMilliseconds() + milliseconds
    while true {
      do throws(SystemError) {
        socket = try Socket.connect(path, type: SocketType.stream | SocketType.nonBlocking)
        return
      } catch {
        guard error.errno == .wouldBlock else { throw error }
        if Clock.monotonicMilliseconds() >= deadline {
          throw SystemError(call: "connect", subject: path, errno: .timedOut)
        }
        _ = try poll([], milliseconds: 10)
      }
    }
  }

  /// Sends all the bytes.
  public func send(_ bytes: [UInt8]) throws(SystemError) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let result = unsafe rest.withUnsafeBytes {
        unsafe clx_send(socket.descriptor.number, $0.baseAddress, $0.count, nil, 0)
      }
      if result == -Int(EINTR) { continue }
      if result == -Int(EAGAIN) {
        try wait(.writable)
      } else {
        rest = rest.dropFirst(try check("sendmsg", result))
      }
    }
  }

  /// Receives some bytes, at least one; none: the peer has closed.
  public func receive(upTo size: Int) throws(SystemError) -> [UInt8] {
    while true {
      try wait(.readable)
      do throws(SystemError) {
        return try socket.descriptor.read(upTo: size)
      } catch {
        if error.errno != .wouldBlock { throw error }
      }
    }
  }

  private func wait(_ event: Polled.Events) throws(SystemError) {
    let left = max(0, deadline - Clock.monotonicMilliseconds())
    if try !poll([Polled(socket.descriptor.number, event)], milliseconds: Int32(clamping: left))[0].isReady {
      throw SystemError(call: "poll", subject: "", errno: .timedOut)
    }
  }
}

/// Receives one descriptor from a socket that somebody else owns; `nil` when none came.
public func receiveDescriptor(from socket: Int32) throws(SystemError) -> Descriptor? {
  let number = try withBorrowed(socket) { (file) throws(SystemError) -> Int32 in
    try Socket(file.duplicate()).receive().takeDescriptor()?.release() ?? -1
  }
  return number >= 0 ? Descriptor(taking: number) : nil
}

/// What was received.
public struct Message: ~Copyable {
  public let bytes: [UInt8]
  public var descriptor: Descriptor?

  /// Takes the descriptor out.
  public consuming func takeDescriptor() -> Descriptor? { descriptor }
}

private enum SocketType {
  static let stream: Int32 = 1
  static let nonBlocking: Int32 = 0o4000
  static let datagram: Int32 = 2
  static let packet: Int32 = 5
  static let closeOnExec: Int32 = 0o2000000
}

import CLinux

/// The network devices of one network namespace, through rtnetlink(7): of the one in which the value was made.
public struct NetworkDevices: ~Copyable {
  private let socket: Descriptor

  /// A device as far as a runtime looks at it.
  public struct Device: Equatable, Sendable {
    public let index: Int32
    public let isUp: Bool
  }

  /// An address of a device, as the kernel wrote it down.
  public struct Address: Equatable, Sendable {
    fileprivate let family: UInt8
    fileprivate let prefixLength: UInt8
    fileprivate let attributes: [UInt8]
  }

  /// Of the calling process's namespace.
  public init() throws(SystemError) {
    socket = Descriptor(taking: try check("socket", on: "netlink", clx_netlink_route()))
  }

  /// Of another network namespace: a socket belongs to the one it was made in.
  public init(in namespace: borrowing Descriptor) throws(SystemError) {
    let own = try openFile("/proc/self/ns/net")
    try NamespaceFlags.network.join(namespace)
    let made = clx_netlink_route()
    // A process that cannot come back must not go on.
    do { try NamespaceFlags.network.join(own) } catch { CurrentProcess.exit(1) }
    socket = Descriptor(taking: try check("socket", on: "netlink", made))
  }

  /// The device of that name; `nil`: there is none.
  public func find(_ name: String) throws(SystemError) -> Device? {
    var request = Request(RouteMessage.getLink, flags: 0)
    request.addLink(index: 0)
    request.add(attribute: LinkAttribute.name, Array(name.utf8) + [0])
    let answers: [Answer]
    do {
      answers = try exchange(request, on: name)
    } catch {
      if error.errno == .noSuchDevice { return nil }
      throw error
    }
    guard let body = answers.first(where: { $0.type == RouteMessage.newLink })?.body, body.count >= 16 else {
      return nil
    }
    return Device(index: Int32(bitPattern: body.word(at: 4)), isUp: body.word(at: 8) & 1 /* IFF_UP */ != 0)
  }

  /// The addresses that somebody has given the device for good, and that reach beyond its link: those the kernel does not make.
  public func addresses(of device: Device) throws(SystemError) -> [Address] {
    var request = Request(RouteMessage.getAddress, flags: 0x300 /* NLM_F_DUMP */)
    request.add([0, 0, 0, 0, 0, 0, 0, 0])  // struct ifaddrmsg: of every family
    return try exchange(request, on: "addresses").compactMap { answer in
      let body = answer.body
      guard answer.type == RouteMessage.newAddress, body.count >= 8,
        body.word(at: 4) == UInt32(bitPattern: device.index)
      else { return nil }
      let isPermanent = body[2] & 0x80 /* IFA_F_PERMANENT */ != 0
      guard isPermanent, body[3] == 0 /* RT_SCOPE_UNIVERSE */ else { return nil }
      let kept = [AddressAttribute.address, .local, .broadcast, .priority]
      return Address(
        family: body[0], prefixLength: body[1],
        attributes: body.attributes(from: 8) { type in
          kept.contains { $0.rawValue == type }
        })
    }
  }

  /// Moves the device into another namespace, where it has that name, is down and has no addresses.
  public func move(_ device: Device, to namespace: borrowing Descriptor, as name: String) throws(SystemError) {
    var request = Request(RouteMessage.newLink, flags: 0)
    request.addLink(index: device.index)
    request.add(attribute: LinkAttribute.namespace, word: UInt32(bitPattern: namespace.number))
    request.add(attribute: LinkAttribute.name, Array(name.utf8) + [0])
    _ = try exchange(request, on: name)
  }

  public func add(_ address: Address, to device: Device) throws(SystemError) {
    var request = Request(RouteMessage.newAddress, flags: 0x600 /* NLM_F_CREATE | NLM_F_EXCL */)
    // The address was the device's before: nobody needs to be asked for duplicates (IFA_F_NODAD).
    request.add([address.family, address.prefixLength, 0x02, 0])
    request.add(word: UInt32(bitPattern: device.index))
    request.add(address.attributes)
    _ = try exchange(request, on: "address")
  }

  public func bringUp(_ device: Device) throws(SystemError) {
    var request = Request(RouteMessage.newLink, flags: 0)
    request.addLink(index: device.index, flags: 1, change: 1)  // IFF_UP
    _ = try exchange(request, on: "IFF_UP")
  }

  // MARK: messages

  private struct Answer {
    let type: UInt16
    let body: [UInt8]
  }

  /// Sends a request, and receives what the kernel says until it acknowledges or refuses it.
  private func exchange(_ request: Request, on subject: String) throws(SystemError) -> [Answer] {
    try socket.write(request.finished)
    var answers: [Answer] = []
    while true {
      let bytes = try socket.read(upTo: 65536)
      if bytes.isEmpty { throw SystemError(call: "netlink", subject: subject, errno: .ioError) }
      var start = 0
      // struct nlmsghdr: length, type, flags, sequence, port.
      while start + 16 <= bytes.count {
        let length = Int(bytes.word(at: start))
        let type = UInt16(truncatingIfNeeded: bytes.word(at: start + 4))
        guard length >= 16, start + length <= bytes.count else { break }
        switch type {
        case 2 /* NLMSG_ERROR */:
          let errno = length >= 20 ? Int32(bitPattern: bytes.word(at: start + 16)) : 0
          if errno != 0 { throw SystemError(call: "netlink", subject: subject, errno: Errno(rawValue: -errno)) }
          return answers
        case 3 /* NLMSG_DONE */: return answers
        default: answers.append(Answer(type: type, body: Array(bytes[(start + 16)..<(start + length)])))
        }
        start += (length + 3) & ~3
      }
    }
  }

  private struct Request {
    private var bytes: [UInt8]

    init(_ type: UInt16, flags: UInt16) {
      bytes = []
      add(word: 0)  // the length, in the end
      // NLM_F_REQUEST | NLM_F_ACK
      add(word: UInt32(type) | UInt32(flags | 0x5) << 16)
      add(word: 1)
      add(word: 0)
    }

    mutating func add(_ more: [UInt8]) { bytes += more }

    mutating func add(word: UInt32) {
      for shift: UInt32 in [0, 8, 16, 24] { bytes.append(UInt8(truncatingIfNeeded: word.littleEndian >> shift)) }
    }

    /// struct ifinfomsg.
    mutating func addLink(index: Int32, flags: UInt32 = 0, change: UInt32 = 0) {
      add(word: 0)
      add(word: UInt32(bitPattern: index))
      add(word: flags)
      add(word: change)
    }

    /// struct rtattr.
    mutating func add(attribute: LinkAttribute, _ value: [UInt8]) {
      let length = UInt32(value.count + 4)
      add(word: length | UInt32(attribute.rawValue) << 16)
      bytes += value
      while bytes.count % 4 != 0 { bytes.append(0) }
    }

    mutating func add(attribute: LinkAttribute, word: UInt32) {
      add(word: 8 | UInt32(attribute.rawValue) << 16)
      add(word: word)
    }

    var finished: [UInt8] {
      var finished = bytes
      for place in 0..<4 { finished[place] = UInt8(truncatingIfNeeded: bytes.count >> (8 * place)) }
      return finished
    }
  }
}

// linux/rtnetlink.h, linux/if_link.h, linux/if_addr.h.
private enum RouteMessage {
  static let newLink: UInt16 = 16
  static let getLink: UInt16 = 18
  static let newAddress: UInt16 = 20
  static let getAddress: UInt16 = 22
}

private enum LinkAttribute: UInt16 {
  case name = 3
  case namespace = 28
}

private enum AddressAttribute: UInt16 {
  case address = 1
  case local = 2
  case broadcast = 4
  case priority = 9
}

extension [UInt8] {
  /// Four bytes in the kernel's order on this machine: little-endian.
  fileprivate func word(at place: Int) -> UInt32 {
    UInt32(self[place]) | UInt32(self[place + 1]) << 8 | UInt32(self[place + 2]) << 16 | UInt32(self[place + 3]) << 24
  }

  /// The attributes of those types, as they stand.
  fileprivate func attributes(from start: Int, _ isKept: (UInt16) -> Bool) -> [UInt8] {
    var kept: [UInt8] = []
    var start = start
    while start + 4 <= count {
      let length = Int(self[start]) | Int(self[start + 1]) << 8
      guard length >= 4, start + length <= count else { break }
      let end = Swift.min(count, start + (length + 3) & ~3)
      if isKept(UInt16(self[start + 2]) | UInt16(self[start + 3]) << 8) { kept += self[start..<end] }
      start = end
    }
    while kept.count % 4 != 0 { kept.append(0) }
    return kept
  }
}

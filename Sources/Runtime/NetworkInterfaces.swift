import JSON
import Linux

/// What an interface of a container's network namespace has carried.
public struct NetworkInterface: Equatable, Sendable, Writable {
  /// Bytes, packets, errors and drops in one direction.
  public struct Traffic: Equatable, Sendable {
    public var bytes: UInt64
    public var packets: UInt64
    public var errors: UInt64
    public var dropped: UInt64
  }

  public var name: String
  public var received: Traffic
  public var sent: Traffic

  /// In runc's names.
  public func encode(to writer: inout Writer) {
    writer.object { writer in
      writer.member("Name", name)
      writer.member("RxBytes", received.bytes)
      writer.member("RxPackets", received.packets)
      writer.member("RxErrors", received.errors)
      writer.member("RxDropped", received.dropped)
      writer.member("TxBytes", sent.bytes)
      writer.member("TxPackets", sent.packets)
      writer.member("TxErrors", sent.errors)
      writer.member("TxDropped", sent.dropped)
    }
  }

  /// The interfaces of the process's network namespace, without the loopback; none when that namespace is the caller's:
  /// what the machine carries is not the container's doing.
  static func of(_ pid: Int32) throws(SystemError) -> [NetworkInterface] {
    let process = "/proc/" + String(pid)
    do {
      if try readLink(process + "/ns/net") == readLink("/proc/self/ns/net") { return [] }
      return parse(try readFile(process + "/net/dev", estimate: 2048))
    } catch {
      // A process that is ending has left its namespaces.
      if error.errno == .noSuchFileOrDirectory { return [] }
      throw error
    }
  }

  /// Two lines of headings, then `name: ` and sixteen numbers a line (proc_pid_net(5)).
  static func parse(_ bytes: [UInt8]) -> [NetworkInterface] {
    var found: [NetworkInterface] = []
    for line in bytes.split(separator: UInt8(ascii: "\n")) {
      guard let colon = line.lastIndex(of: UInt8(ascii: ":")) else { continue }
      let name = String(decoding: line[..<colon].drop { $0 == UInt8(ascii: " ") }, as: UTF8.self)
      let numbers = line[(colon + 1)...].split(separator: UInt8(ascii: " ")).compactMap { decimal($0) }
      guard name != "lo", numbers.count >= 16 else { continue }
      func traffic(_ start: Int) -> Traffic {
        Traffic(
          bytes: numbers[start], packets: numbers[start + 1], errors: numbers[start + 2], dropped: numbers[start + 3])
      }
      found.append(NetworkInterface(name: name, received: traffic(0), sent: traffic(8)))
    }
    return found
  }
}

import Linux
import OCI
import Sandbox

/// Network devices of the host that a container gets (config-linux.md, "Network Devices").
///
/// They are the container's from then on: the kernel gives hardware back when the namespace goes, and destroys the others. A
/// container that does not come to be gives back what it got.
final class NetDevices {
  private let host: NetworkDevices
  private let inside: NetworkDevices
  private let hostNamespace: Descriptor
  private let namespace: Descriptor
  private var moved: [Moved] = []

  private struct Moved {
    let name: String
    let device: NetworkDevices.Device
    let insideName: String
    let addresses: [NetworkDevices.Address]
  }

  /// - Parameter path: of the container's network namespace.
  init(into path: String) throws(Failure) {
    let own = try step("linux.netDevices") { () throws(SystemError) in try openFile("/proc/self/ns/net") }
    let other = try step("linux.netDevices") { () throws(SystemError) in try openFile(path) }
    let host = try step("linux.netDevices") { () throws(SystemError) in try NetworkDevices() }
    let inside = try step("linux.netDevices") { () throws(SystemError) in try NetworkDevices(in: other) }
    hostNamespace = own
    namespace = other
    self.host = host
    self.inside = inside
  }

  /// Moves the devices, or none of them: with their addresses, and up.
  func move(_ devices: OrderedMap<Config.NetDevice>) throws(Failure) {
    var planned: [Moved] = []
    for entry in devices {
      planned.append(
        try step(NetDevices.name(entry.key)) { () throws(SystemError) in
          try plan(entry.key, as: entry.value.name ?? entry.key, beside: planned)
        })
    }
    do throws(Failure) {
      for device in planned {
        try step(NetDevices.name(device.name)) { () throws(SystemError) in try move(device) }
      }
    } catch {
      giveBack()
      throw error
    }
  }

  private static func name(_ device: String) -> String { "linux.netDevices \"" + device + "\"" }

  /// What is known to fail fails before anything is moved.
  private func plan(_ name: String, as wanted: String, beside others: [Moved]) throws(SystemError) -> Moved {
    guard let device = try host.find(name) else {
      throw SystemError(call: "netlink", subject: name, errno: .noSuchDevice)
    }
    func isTaken(_ name: String) throws(SystemError) -> Bool {
      if others.contains(where: { $0.insideName == name }) { return true }
      return try inside.find(name) != nil
    }
    var insideName = wanted
    if let place = wanted.firstIndex(of: "%"), wanted[place...].hasPrefix("%d") {
      var number = 0
      repeat {
        insideName = String(wanted[..<place]) + String(number) + String(wanted[place...].dropFirst(2))
        number += 1
      } while try isTaken(insideName)
    } else if try isTaken(wanted) {
      throw SystemError(call: "netlink", subject: wanted, errno: .fileExists)
    }
    return Moved(name: name, device: device, insideName: insideName, addresses: try host.addresses(of: device))
  }

  private func move(_ planned: Moved) throws(SystemError) {
    try host.move(planned.device, to: namespace, as: planned.insideName)
    moved.append(planned)
    try NetDevices.complete(inside, planned.insideName, planned.addresses, isUp: true)
  }

  /// Gives a device that has just arrived what it has lost on the way.
  private static func complete(
    _ devices: borrowing NetworkDevices, _ name: String, _ addresses: [NetworkDevices.Address], isUp: Bool
  ) throws(SystemError) {
    guard let device = try devices.find(name) else {
      throw SystemError(call: "netlink", subject: name, errno: .noSuchDevice)
    }
    for address in addresses { try devices.add(address, to: device) }
    if isUp { try devices.bringUp(device) }
  }

  /// Undoes ``move(_:)`` as far as it goes.
  func giveBack() {
    for planned in moved.reversed() {
      guard let device = try? inside.find(planned.insideName) else { continue }
      try? inside.move(device, to: hostNamespace, as: planned.name)
      try? NetDevices.complete(host, planned.name, planned.addresses, isUp: planned.device.isUp)
    }
    moved = []
  }
}

import Linux
import OCI

/// One value that goes into one file.
public struct PlannedWrite: Equatable, Sendable {
  public var path: String
  public var value: String
}

extension Cgroup {
  /// What ``apply(_:)`` writes, in order. Writes nothing.
  public func planned(_ resources: Config.Linux.Resources) throws(Failure) -> [PlannedWrite] {
    var writes: [PlannedWrite] = []
    func add(_ settings: [Setting], _ hierarchy: Hierarchy) {
      writes += settings.map { PlannedWrite(path: hierarchy.directory + "/" + $0.file, value: $0.value) }
    }
    if hierarchies.isEmpty { return [] }
    for controller in Controller.all {
      let settings = try SettingsV1.of(controller, resources, .create)
      if settings.isEmpty { continue }
      if let hierarchy = v1(controller.v1) {
        add(settings, hierarchy)
      } else if let unified, controller.v2 != nil {
        add(try SettingsV2.of(controller, resources, .create, current: { _ in nil }), unified)
      } else {
        throw Cgroup.missing(controller, settings[0])
      }
    }
    if let unified { for (_, settings) in try SettingsV2.unified(resources.unified) { add(settings, unified) } }
    return writes + (try plannedDevices(resources.devices))
  }

  private func plannedDevices(_ rules: [Resources.DeviceRule]) throws(Failure) -> [PlannedWrite] {
    if rules.isEmpty { return [] }
    guard let directory = v1("devices")?.directory else {
      guard let unified else { return [] }
      let length = try DeviceRules.program(rules).count
      return [PlannedWrite(path: unified.directory, value: "device program of " + String(length) + " instructions")]
    }
    let (deny, allow) = try DeviceList(rules).lines(from: DeviceList(reading: "a *:* rwm"))
    return deny.map { PlannedWrite(path: directory + "/devices.deny", value: $0) }
      + allow.map { PlannedWrite(path: directory + "/devices.allow", value: $0) }
  }
}

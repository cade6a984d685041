import Linux
import OCI

extension Cgroup {
  /// Gives a new cgroup its limits (config-linux.md, "Control groups").
  ///
  /// Only what is asked for is written: absent values stay the kernel's, and so does zero where engines send it to say
  /// "unset". A limit that cannot be applied is an error with file, value and reason. The device rules are the complete
  /// list, the defaults that each container needs included; without any, devices are not restricted.
  ///
  /// - Parameter programs: what to look for a device program in before one is loaded.
  public func apply(_ resources: Config.Linux.Resources, programs: LoadedDevicePrograms? = nil) throws(Failure) {
    var journal: Journal?
    try write(resources, .create, &journal, programs)
  }

  /// Changes limits of a cgroup in use: either all of it takes effect, or nothing and an error tells why.
  public func update(_ resources: Config.Linux.Resources) throws(Failure) {
    var journal: Journal? = Journal()
    do throws(Failure) {
      try write(resources, .update, &journal)
      try setProperties(resources)
    } catch {
      journal!.rollBack()
      throw error
    }
  }

  /// Has systemd know the limits of a scope, too. Where it keeps them less exactly than they were asked for, it writes
  /// what it keeps: so the files are written once more.
  private func setProperties(_ resources: Resources) throws(Failure) {
    guard let scope else { return }
    let properties = UnitProperties.of(resources, isV2: isV2Only)
    if properties.isEmpty { return }
    var manager = try SystemdManager.connect(to: scope)
    try manager.set(properties, optional: properties.map { $0.name })
    var journal: Journal?
    try write(resources.withoutDevices, .update, &journal)
  }

  private func write(
    _ resources: Resources, _ purpose: Purpose, _ journal: inout Journal?, _ programs: LoadedDevicePrograms? = nil
  ) throws(Failure) {
    if hierarchies.isEmpty { return }
    if let unified, hierarchies.count == 1 {
      try writeV2(resources, purpose, unified, &journal)
    } else {
      for controller in Controller.all { try write(controller, resources, purpose, &journal) }
      try writeUnified(resources, &journal)
    }
    // Last, because a list of devices cannot be taken back piece by piece.
    if !resources.devices.isEmpty { try writeDevices(resources.devices, programs) }
  }

  /// Everything into one directory, opened once.
  private func writeV2(_ resources: Resources, _ purpose: Purpose, _ unified: Hierarchy, _ journal: inout Journal?)
    throws(Failure)
  {
    let current = { (file: String) in readControl(unified.directory + "/" + file) }
    var settings: [Setting] = []
    var needed: [Substring] = []
    for controller in Controller.all {
      guard let name = controller.v2 else {
        let unavailable = try SettingsV1.of(controller, resources, purpose)
        if let setting = unavailable.first { throw Cgroup.missing(controller, setting) }
        continue
      }
      let more = try SettingsV2.of(controller, resources, purpose, current: current)
      if !more.isEmpty { needed.append(name[...]) }
      settings += more
    }
    for (controller, more) in try SettingsV2.unified(resources.unified) {
      needed.append(controller)
      settings += more
    }
    if settings.isEmpty { return }
    let directory = try ControlDirectory(unified.directory)
    do throws(Failure) {
      try directory.apply(settings, &journal)
    } catch {
      // Mostly the controllers are there, and nobody has to look.
      guard error.errno == .noSuchFileOrDirectory else { throw error }
      try Controllers.require(needed, for: unified)
      try directory.apply(settings, &journal)
    }
  }

  /// Where controllers are spread over hierarchies: into the one that has this one.
  private func write(
    _ controller: Controller, _ resources: Resources, _ purpose: Purpose, _ journal: inout Journal?
  ) throws(Failure) {
    let settings = try SettingsV1.of(controller, resources, purpose)
    if settings.isEmpty { return }
    if let hierarchy = v1(controller.v1) {
      let directory = try ControlDirectory(hierarchy.directory)
      guard controller == .cpu, let cpu = resources.cpu, let runtime = cpu.realtimeRuntime else {
        return try directory.apply(settings, &journal)
      }
      return try RealTimeShare.raise(above: hierarchy, runtime: runtime, period: cpu.realtimePeriod) {
        () throws(Failure) in try directory.apply(settings, &journal)
      }
    }
    guard let unified, let name = controller.v2 else { throw Cgroup.missing(controller, settings[0]) }
    try Controllers.require([name[...]], for: unified)
    let converted = try SettingsV2.of(controller, resources, purpose) { readControl(unified.directory + "/" + $0) }
    try ControlDirectory(unified.directory).apply(converted, &journal)
  }

  private func writeUnified(_ resources: Resources, _ journal: inout Journal?) throws(Failure) {
    guard let first = resources.unified.entries.first else { return }
    guard let unified else {
      throw Failure(
        "cgroup: linux.resources.unified sets \"" + first.key
          + "\", and this machine has cgroup v1 only; use the property for cgroup v1, or boot with cgroup v2")
    }
    for (controller, settings) in try SettingsV2.unified(resources.unified) {
      try Controllers.require([controller], for: unified)
      try ControlDirectory(unified.directory).apply(settings, &journal)
    }
  }

  private func writeDevices(_ rules: [Resources.DeviceRule], _ programs: LoadedDevicePrograms?) throws(Failure) {
    if let hierarchy = v1("devices") {
      try DeviceList(rules).write(to: try ControlDirectory(hierarchy.directory))
    } else if let unified {
      let instructions = try DeviceRules.program(rules)
      do throws(SystemError) {
        let program: DeviceProgram
        if let programs {
          program = try programs.program(instructions)
        } else {
          program = try DeviceProgram(instructions)
        }
        try program.replaceAll(of: try openFile(unified.directory, .directory))
      } catch {
        // An ordinary user may not load programs, and can make no device files that would work.
        if error.errno == .notPermitted && !CurrentProcess.isPrivileged { return }
        throw Failure("cgroup: devices of " + unified.directory, error)
      }
    } else {
      throw Failure("cgroup: linux.resources.devices cannot be applied: there is no devices hierarchy and no cgroup v2")
    }
  }

  static func missing(_ controller: Controller, _ setting: Setting) -> Failure {
    Failure(
      "cgroup: write \"" + setting.value + "\" to " + setting.file + ": this machine has no controller \""
        + controller.v1 + "\"; remove the limit, or mount the controller")
  }
}

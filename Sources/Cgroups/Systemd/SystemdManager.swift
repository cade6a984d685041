import Linux
import OCI

/// A manager of units – the machine's systemd or a user's – and the calls of it that containers need.
///
/// systemd listens on a socket of its own (`systemd/private`), where it needs no greeting and sends its signals unasked: starting a
/// scope takes one call and one signal. Where that is not to be had, or the environment names a bus, the bus is used; what it
/// wants to hear first is sent along with the call.
struct SystemdManager: ~Copyable {
  private var connection: DBusConnection
  private let unit: String
  /// The jobs that have ended, in case the answer that names ours comes behind.
  private var ended: [EndedJob] = []

  struct EndedJob: Equatable {
    var job: String
    var result: String
  }

  /// How long a command waits for systemd altogether, in milliseconds.
  static let patience: Int64 = 30_000

  private static let name = "org.freedesktop.systemd1"
  private static let manager = name + ".Manager"
  private static let bus = "org.freedesktop.DBus"

  /// Connects to the manager of the scope.
  static func connect(to scope: SystemdScope) throws(Failure) -> SystemdManager {
    let (paths, variable) = SystemdManager.sockets(isUser: scope.isUser)
    if let variable, paths == [""] { throw Failure("systemd: " + variable + " has no unix:path= in it") }
    guard let path = paths.first(where: { pathExists($0) }) else {
      throw Failure(
        "systemd: connect " + paths.joined(separator: "|") + ": " + Errno.noSuchFileOrDirectory.description
          + (scope.isUser
            ? "; is a user manager running (loginctl enable-linger)?" : "; does this machine run systemd?"),
        errno: .noSuchFileOrDirectory)
    }
    return try connect(to: scope.unit, by: path)
  }

  static func connect(to unit: String, by path: String, milliseconds: Int64 = SystemdManager.patience) throws(Failure)
    -> SystemdManager
  {
    var manager = SystemdManager(unit, try DBusConnection.open(path, milliseconds: milliseconds))
    if !path.hasSuffix("/systemd/private") { try manager.greetBus() }
    return manager
  }

  private init(_ unit: String, _ connection: consuming DBusConnection) {
    self.unit = unit
    self.connection = connection
  }

  /// What a bus wants to hear first: who we are, and which signals we are to get. Nobody waits for the answers.
  private mutating func greetBus() throws(Failure) {
    let object = "/org/freedesktop/DBus"
    _ = try connection.call(SystemdManager.bus, object, SystemdManager.bus, "Hello")
    _ = try connection.call(SystemdManager.bus, object, SystemdManager.bus, "AddMatch", "s") {
      $0.string(
        "type='signal',sender='org.freedesktop.systemd1',interface='org.freedesktop.systemd1.Manager',member='JobRemoved'"
      )
    }
    _ = try call("Subscribe")
  }

  /// Where the manager can be reached, the best first; what the environment says is final.
  private static func sockets(isUser: Bool) -> (paths: [String], variable: String?) {
    let variable = isUser ? "DBUS_SESSION_BUS_ADDRESS" : "DBUS_SYSTEM_BUS_ADDRESS"
    if let address = Environment[variable] { return ([path(inAddress: address)], variable) }
    guard isUser else { return (["/run/systemd/private", "/run/dbus/system_bus_socket"], nil) }
    let runtime = Environment["XDG_RUNTIME_DIR"] ?? "/run/user/" + String(CurrentProcess.uidOutside)
    return ([runtime + "/systemd/private", runtime + "/bus"], nil)
  }

  /// The path in an address such as `unix:path=/run/user/1000/bus,guid=…;…`; empty: there is none.
  static func path(inAddress address: String) -> String {
    for one in address.split(separator: ";") where one.hasPrefix("unix:") {
      for pair in one.dropFirst(5).split(separator: ",") where pair.hasPrefix("path=") {
        return unescaped(pair.dropFirst(5))
      }
    }
    return ""
  }

  /// `%20` and the like stand for bytes.
  private static func unescaped(_ text: Substring) -> String {
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "%"), let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) {
        bytes.append(value)
        rest = rest.dropFirst(2)
      } else {
        bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  // MARK: calls

  private mutating func call(
    _ member: String, _ signature: String = "", _ body: (inout DBusWriter) -> Void = { _ in }
  ) throws(Failure) -> UInt32 {
    try connection.call(
      SystemdManager.name, "/org/freedesktop/systemd1", SystemdManager.manager, member, signature, body)
  }

  /// What a call was answered with.
  enum Answer: Equatable {
    /// The first string of the answer, if it begins with one.
    case done(String)
    case error(name: String, text: String)
  }

  /// Waits for the answer to a call; on the way it takes note of jobs that end.
  private mutating func answer(to serial: UInt32) throws(Failure) -> Answer {
    while true {
      let message = try connection.next()
      note(message)
      guard message.replyTo == serial else { continue }
      var body = message.body
      let isText = message.signature.hasPrefix("s") || message.signature.hasPrefix("o")
      let text = isText ? (try? body.string()) ?? "" : ""
      switch message.kind {
      case .methodReturn: return .done(text)
      case .error: return .error(name: message.error, text: text)
      default: continue
      }
    }
  }

  private mutating func note(_ message: DBusMessage) {
    guard message.kind == .signal, message.member == "JobRemoved", message.interface == SystemdManager.manager,
      message.signature == "uoss"
    else { return }
    var body = message.body
    guard (try? body.integer()) != nil, let job = try? body.string(), (try? body.string()) != nil,
      let result = try? body.string()
    else { return }
    ended.append(EndedJob(job: job, result: result))
  }

  private mutating func result(of job: String) throws(Failure) -> String {
    while true {
      if let found = ended.first(where: { $0.job == job }) { return found.result }
      note(try connection.next())
    }
  }

  private func failure(_ call: String, _ name: String, _ text: String) -> Failure {
    let hint =
      name.hasSuffix(".InteractiveAuthorizationRequired") || name.hasSuffix(".AccessDenied")
      ? "; this user may not: use the user's own manager" : ""
    return Failure("systemd: " + call + " " + unit + ": " + (text.isEmpty ? name : text) + hint)
  }

  // MARK: units

  /// Sends the request for a scope with the process in it; systemd works on it while the caller does something else.
  mutating func requestScope(_ properties: [UnitProperty]) throws(Failure) -> UInt32 {
    let unit = unit
    return try call("StartTransientUnit", "ssa(sv)a(sa(sv))") { writer in
      writer.string(unit)
      writer.string("fail")
      SystemdManager.write(properties, to: &writer)
      writer.array(alignment: 8) { _ in }
    }
  }

  private static func write(_ properties: [UnitProperty], to writer: inout DBusWriter) {
    writer.array(alignment: 8) { writer in
      for property in properties {
        writer.align(8)
        writer.string(property.name)
        writer.variant(property.value)
      }
    }
  }

  /// Waits until the scope runs.
  ///
  /// A unit of that name that has failed before is forgotten first. A property that this systemd does not know is left out
  /// when it is in `optional`: its limit is in the control files, too.
  mutating func awaitScope(_ request: UInt32, _ properties: [UnitProperty], optional: [String]) throws(Failure) {
    var request = request
    var properties = properties
    var hasReset = false
    while true {
      switch try answer(to: request) {
      case .done(let job):
        let result = try result(of: job)
        if result != "done" { throw Failure("systemd: start " + unit + ": the job ended with \"" + result + "\"") }
        return
      case .error(let name, let text):
        if name == SystemdManager.name + ".UnitExists" && !hasReset {
          hasReset = true
          try resetFailed()
        } else if !SystemdManager.leaveOutUnknown(text, optional, &properties) {
          throw failure("start", name, text)
        }
        request = try requestScope(properties)
      }
    }
  }

  /// Takes away the property that this systemd says it does not know, or not with that value, if that may be left out.
  private static func leaveOutUnknown(_ text: String, _ optional: [String], _ properties: inout [UnitProperty]) -> Bool
  {
    guard let unknown = unknownProperty(text), optional.contains(unknown),
      let index = properties.firstIndex(where: { $0.name == unknown })
    else { return false }
    properties.remove(at: index)
    return true
  }

  /// `Cannot set property AllowedCPUs, or unknown property.`, `Value specified in CPUWeight is out of range`
  static func unknownProperty(_ text: String) -> String? {
    for start in ["Cannot set property ", "Value specified in "] where text.hasPrefix(start) {
      return text.dropFirst(start.utf8.count).split { $0 == "," || $0 == " " }.first.map { String($0) }
    }
    return nil
  }

  /// Forgets how the unit ended: as long as that is remembered, there can be no other of its name.
  mutating func resetFailed() throws(Failure) {
    let unit = unit
    let request = try call("ResetFailedUnit", "s") { $0.string(unit) }
    _ = try answer(to: request)
  }

  /// Stops the unit, and waits until it is gone. That it does not exist is no error.
  mutating func stop() throws(Failure) {
    let unit = unit
    let request = try call("StopUnit", "ss") { writer in
      writer.string(unit)
      writer.string("replace")
    }
    switch try answer(to: request) {
    case .done(let job): _ = try result(of: job)
    case .error(let name, let text):
      if name != SystemdManager.name + ".NoSuchUnit" { throw failure("stop", name, text) }
    }
  }

  /// Changes properties of the unit as long as it runs; all of them or none.
  mutating func set(_ properties: [UnitProperty], optional: [String]) throws(Failure) {
    var properties = properties
    let unit = unit
    while !properties.isEmpty {
      let request = try call("SetUnitProperties", "sba(sv)") { writer in
        writer.string(unit)
        writer.value(.bool(true))
        SystemdManager.write(properties, to: &writer)
      }
      guard case .error(let name, let text) = try answer(to: request) else { return }
      guard SystemdManager.leaveOutUnknown(text, optional, &properties) else {
        throw failure("set properties of", name, text)
      }
    }
  }
}

/// A scope that systemd has been asked for.
public struct RequestedScope: ~Copyable {
  private var manager: SystemdManager
  private let request: UInt32
  private let properties: [UnitProperty]
  private let optional: [String]

  static func request(_ manager: consuming SystemdManager, _ properties: [UnitProperty], optional: [String])
    throws(Failure) -> RequestedScope
  {
    let request = try manager.requestScope(properties)
    return RequestedScope(manager, request, properties, optional)
  }

  private init(
    _ manager: consuming SystemdManager, _ request: UInt32, _ properties: [UnitProperty], _ optional: [String]
  ) {
    self.manager = manager
    self.request = request
    self.properties = properties
    self.optional = optional
  }

  /// Waits until the processes are in the scope's cgroup.
  public consuming func finish() throws(Failure) {
    try manager.awaitScope(request, properties, optional: optional)
  }
}

extension Cgroup {
  /// Asks systemd for the scope, with the process in it, and does not wait.
  ///
  /// - Parameters:
  ///   - resources: device rules included.
  ///   - annotations: of config.json; those of ``UnitProperties/prefix`` count.
  public func requestScope(_ pid: Int32, _ resources: Config.Linux.Resources, annotations: StringMap) throws(Failure)
    -> RequestedScope
  {
    guard let scope else { throw Failure("cgroup: it is not one of systemd's") }
    let own = try UnitProperties.of(annotations: annotations)
    let isV2 = isV2Only
    var limits = UnitProperties.of(resources, isV2: isV2)
    if !scope.isUser { limits += UnitProperties.devices(resources.devices) }
    limits.append(UnitProperty(name: "CollectMode", value: .string("inactive-or-failed")))
    for name in ["Memory", "CPU", "Tasks", isV2 ? "IO" : "BlockIO"] {
      limits.append(UnitProperty(name: name + "Accounting", value: .bool(true)))
    }
    limits.removeAll { limit in own.contains { $0.name == limit.name } }
    let fixed = [
      UnitProperty(name: "Description", value: .string("container " + scope.unit.dropLast(6))),
      UnitProperty(name: "Slice", value: .string(scope.slice)),
      UnitProperty(name: "Delegate", value: .bool(true)),
      UnitProperty(name: "DefaultDependencies", value: .bool(false)),
      UnitProperty(name: "PIDs", value: .numbers([UInt32(pid)])),
    ].filter { property in !own.contains { $0.name == property.name } }
    return try RequestedScope.request(
      SystemdManager.connect(to: scope), fixed + limits + own, optional: limits.map { $0.name })
  }

  /// Sees to it that the process is where the container's cgroup is taken to be: below the scope's if it is to have one of its
  /// own there; and in hierarchies that systemd left out – it has a controller switched off.
  public func adopt(_ pid: Int32) throws(Failure) {
    guard let scope else { return }
    let position = try step("systemd") { () throws(SystemError) in try CgroupLayout.position(of: pid) }
    for (controllers, path) in position {
      guard let hierarchy = hierarchies.first(where: { $0.controllers == controllers }), isSystemds(hierarchy),
        path != hierarchy.path, !path.hasPrefix(hierarchy.path + "/")
      else { continue }
      let isInScope = hierarchy.mountPoint + path == outermost(in: hierarchy)
      guard isInScope || hierarchy.kind == .v1 && controllers != "name=systemd" else {
        throw Failure("systemd: the process of " + scope.unit + " is in " + path + ", not in " + hierarchy.path)
      }
      try move(pid, to: hierarchy)
    }
  }

  private func move(_ pid: Int32, to hierarchy: Hierarchy) throws(Failure) {
    switch hierarchy.kind {
    case .v1:
      var one = Cgroup(hierarchies: [hierarchy])
      try one.create()
    case .v2:
      // What is above the scope is systemd's to arrange.
      try step("cgroup") { () throws(SystemError) in try makeDirectory(hierarchy.directory) }
    }
    try step("cgroup: " + hierarchy.directory) { () throws(SystemError) in
      try openFile(hierarchy.directory + "/cgroup.procs", .writeOnly).write(String(pid))
    }
    // The scope holds no processes any more.
    if hierarchy.kind == .v2 { Controllers.enableAll(in: outermost(in: hierarchy)) }
  }
}

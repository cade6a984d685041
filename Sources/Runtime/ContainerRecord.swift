import Cgroups
import JSON
import Linux
import OCI

/// What is written down of a container, in `state.json` of its directory: a line of JSON for each time that it was, the last of
/// which holds. A line is added by one write(2), so readers, and who comes after a writer that was killed, see it wholly or not.
///
/// The status is not: it is read off the process and the start gate each time it is asked for, so it cannot be wrong
/// after somebody was killed between a change and the writing of it.
struct ContainerRecord: Equatable {
  /// As the specification shows it; `status` and `pid` hold no truth here, and the annotations, which may be many, stay in
  /// the saved configuration.
  var state: State
  /// With the pid, the identity of the container process (``ProcessStatus/startTime``); 0 while there is none.
  var startTime: UInt64 = 0
  /// The cgroups, as ``Cgroups/Cgroup`` saves itself.
  private(set) var cgroups: [String] = []
  /// Those of them that may stop its processes, once more: more `list` need not know.
  private(set) var freezers: [String] = []
  /// The resctrl group, as ``Cgroups/ResourceControl`` saves itself; empty: none.
  var resourceControl: [String] = []
  /// Whether the configuration has annotations, so that it must be looked into for the state.
  var hasAnnotations = false
  /// Whether there is a program to start: the specification lets `create` go without one.
  var hasProcess = true
  /// Whether the container has a session keyring of its own, under its id.
  var hasKeyring = true
  /// Whether somebody may have to be told of system calls.
  var notifiesListener = false
  /// The SELinux label of sockets made for the container.
  var socketLabel: String?
  /// Which commands must look into the saved config.json for hooks.
  var hasPoststartHooks = false
  var hasPoststopHooks = false

  static let file = "state.json"

  /// The state with the annotations of the saved configuration.
  func state(with annotations: StringMap) -> State {
    var state = state
    state.annotations = annotations
    return state
  }

  init(_ state: State) { self.state = state }

  mutating func place(in cgroup: Cgroup) {
    cgroups = cgroup.saved
    freezers = Cgroup.freezers(saved: cgroups)
  }

  /// - Parameter forStatus: reads no more than what the container's state follows from.
  init(json bytes: [UInt8], file: String, forStatus: Bool = false) throws(JSON.Error) {
    let line = lastWholeLine(of: bytes)
    let json = try JSON.Document(line, file: file, before: forStatus ? "cgroups" : nil).root.object()
    state = try State(try json.object("state"))
    startTime = try json.integer("startTime")
    hasAnnotations = try json.bool("hasAnnotations")
    freezers = try json.strings("freezers")
    if forStatus { return }
    cgroups = try json.strings("cgroups")
    resourceControl = try json.strings("resourceControl")
    notifiesListener = try json.bool("notifiesListener")
    socketLabel = try json.nonEmptyString("socketLabel")
    hasProcess = try json.bool("hasProcess")
    hasKeyring = try json.bool("hasKeyring")
    hasPoststartHooks = try json.bool("hasPoststartHooks")
    hasPoststopHooks = try json.bool("hasPoststopHooks")
  }

  /// A line of the file.
  var line: [UInt8] {
    var writer = JSON.Writer()
    writer.object { json in
      json.member("state", state)
      json.member("startTime", startTime)
      json.member("hasAnnotations", hasAnnotations)
      json.member("freezers", freezers)
      // In front of the cgroups: what ``init(json:file:forStatus:)`` reads.
      json.member("cgroups", cgroups)
      json.member("resourceControl", resourceControl)
      json.member("notifiesListener", notifiesListener)
      json.member("socketLabel", socketLabel)
      json.member("hasProcess", hasProcess)
      json.member("hasKeyring", hasKeyring)
      json.member("hasPoststartHooks", hasPoststartHooks)
      json.member("hasPoststopHooks", hasPoststopHooks)
    }
    return writer.bytes + [UInt8(ascii: "\n")]
  }
}

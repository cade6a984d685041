import Foundation
import Testing

extension Integration {
  /// `--systemd-cgroup`, with a systemd that the test plays: what is said to it, and what comes of its answers.
  @Suite(
    .enabled(
      if: Hierarchies.directory("name=systemd") != nil || Hierarchies.directories == ["/sys/fs/cgroup"],
      "needs a hierarchy that systemd would use"))
  struct SystemdDriver {
    private static let systemd = ["--systemd-cgroup"]

    /// A bundle in a slice of its own, and somebody who makes its scope; nothing may be left of either.
    private func withSystemd(_ mood: FakeSystemd.Mood = .obliging, _ body: (Bundle, FakeSystemd) throws -> Void) throws
    {
      try withBundle { bundle throws in
        let systemd = try FakeSystemd(bundle, mood)
        defer { systemd.end() }
        let slice = "apustests\(getpid())\(bundle.id.filter(\.isNumber)).slice"
        bundle.config["linux"]["cgroupsPath"] = .string(slice + ":apus:" + bundle.id)
        bundle.arguments = ["sleep", "1000"]
        try body(bundle, systemd)
        if Files.exists(bundle.states + "/" + bundle.id) {
          #expect(try bundle.apus("delete", "--force", bundle.id).status == 0)
        }
        // The slice is the machine's to keep; the scope is not.
        for directory in Hierarchies.directories {
          #expect(!Files.exists(directory + "/" + slice + "/apus-" + bundle.id + ".scope"))
          Hierarchies.remove(directory + "/" + slice)
        }
      }
    }

    @Test func theScopeIsAskedForAndEnds() throws {
      try withSystemd { bundle, systemd throws in
        bundle.config["linux"]["resources"] = ["pids": ["limit": 33], "cpu": ["quota": 20000, "period": 100_000]]
        let create = try bundle.tryCreate(global: SystemdDriver.systemd)
        try #require(create.status == 0, "\(create)")
        let start = try #require(systemd.calls("StartTransientUnit").first)
        #expect(start.unit == "apus-\(bundle.id).scope")
        #expect(start.properties["PIDs"] == String(try bundle.pid()))
        #expect(start.properties["Delegate"] == "true")
        #expect(start.properties["DefaultDependencies"] == "false")
        #expect(start.properties["TasksMax"] == "33")
        #expect(start.properties["CPUQuotaPerSecUSec"] == "200000")
        #expect(start.properties["DevicePolicy"] == "strict")
        #expect(systemd.calls.map(\.member) == ["Hello", "AddMatch", "Subscribe", "StartTransientUnit"])
        for line in try Files.read("/proc/\(try bundle.pid())/cgroup").split(separator: "\n") {
          #expect(line.hasSuffix("/apus-\(bundle.id).scope"), "\(line)")
        }
        try bundle.start()
        #expect(try bundle.status == "running")
        #expect(try bundle.apus("delete", "--force", bundle.id).status == 0)
        #expect(systemd.calls("StopUnit").map(\.unit) == ["apus-\(bundle.id).scope"])
      }
    }

    /// What the file of the v1 controller says.
    private static func pidsLimit(_ bundle: Bundle, _ systemd: FakeSystemd) throws -> String {
      let slice = try #require(systemd.calls("StartTransientUnit").first?.properties["Slice"])
      return try Files.read(
        try #require(Hierarchies.directory("pids")) + "/" + slice + "/apus-\(bundle.id).scope/pids.max")
    }

    @Test(.enabled(if: Hierarchies.directory("pids") != nil, "needs the v1 pids controller"))
    func theLimitIsInTheFilesToo() throws {
      try withSystemd { bundle, systemd throws in
        bundle.config["linux"]["resources"] = ["pids": ["limit": 33]]
        #expect(try bundle.tryCreate(global: SystemdDriver.systemd).status == 0)
        #expect(try SystemdDriver.pidsLimit(bundle, systemd) == "33\n")
      }
    }

    @Test func aUnitThatHasFailedBeforeIsForgotten() throws {
      try withSystemd(.refuses(name: "org.freedesktop.systemd1.UnitExists", text: "already exists", times: 1)) {
        bundle, systemd throws in
        #expect(try bundle.tryCreate(global: SystemdDriver.systemd).status == 0)
        #expect(systemd.calls("ResetFailedUnit").map(\.unit) == ["apus-\(bundle.id).scope"])
        #expect(systemd.calls("StartTransientUnit").count == 2)
      }
    }

    @Test func aPropertyThatSystemdDoesNotKnowIsLeftOut() throws {
      let text = "Cannot set property TasksMax, or unknown property."
      try withSystemd(.refuses(name: "org.freedesktop.DBus.Error.PropertyReadOnly", text: text, times: 1)) {
        bundle, systemd throws in
        bundle.config["linux"]["resources"] = ["pids": ["limit": 33]]
        #expect(try bundle.tryCreate(global: SystemdDriver.systemd).status == 0)
        #expect(systemd.calls("StartTransientUnit").map { $0.properties["TasksMax"] } == ["33", nil])
      }
    }

    @Test func anAnnotationIsAProperty() throws {
      try withSystemd { bundle, systemd throws in
        bundle.config["annotations"] = ["org.systemd.property.TimeoutStopSec": "uint64 5"]
        #expect(try bundle.tryCreate(global: SystemdDriver.systemd).status == 0)
        #expect(systemd.calls("StartTransientUnit").first?.properties["TimeoutStopUSec"] == "5000000")
      }
    }

    /// crun's annotation: the scope is systemd's, the cgroup below it the container's.
    @Test func theContainersCgroupMayBeBelowTheScopes() throws {
      try withSystemd { bundle, systemd throws in
        bundle.config["annotations"] = ["run.oci.systemd.subgroup": "inner"]
        let create = try bundle.tryCreate(global: SystemdDriver.systemd)
        try #require(create.status == 0, "\(create)")
        for line in try Files.read("/proc/\(try bundle.pid())/cgroup").split(separator: "\n") {
          #expect(line.hasSuffix("/apus-\(bundle.id).scope/inner"), "\(line)")
        }
        try bundle.start()
        #expect(try bundle.apus("delete", "--force", bundle.id).status == 0)
        #expect(systemd.calls("StopUnit").map(\.unit) == ["apus-\(bundle.id).scope"])
      }
    }

    @Test func aCgroupBelowTheScopesHasAName() throws {
      try withSystemd { bundle, systemd throws in
        bundle.config["annotations"] = ["run.oci.systemd.subgroup": "../other"]
        let refused = try bundle.tryCreate(global: SystemdDriver.systemd)
        bundle.expectRefused(refused, "create", ["run.oci.systemd.subgroup: \"../other\" is not the name of a cgroup"])
        #expect(systemd.calls.isEmpty)
      }
    }

    @Test(.enabled(if: Hierarchies.directory("pids") != nil, "needs the v1 pids controller"))
    func anUpdateChangesPropertiesAndFiles() throws {
      try withSystemd { bundle, systemd throws in
        #expect(try bundle.tryCreate(global: SystemdDriver.systemd).status == 0)
        let update = try bundle.apus("update", "--pids-limit", "44", bundle.id)
        #expect(update.status == 0, "\(update)")
        let set = try #require(systemd.calls("SetUnitProperties").first)
        #expect(set.unit == "apus-\(bundle.id).scope" && set.properties == ["TasksMax": "44"])
        #expect(try SystemdDriver.pidsLimit(bundle, systemd) == "44\n")
      }
    }

    @Test(.enabled(if: Hierarchies.directory("pids") != nil, "needs the v1 pids controller"))
    func anUpdateThatSystemdRefusesChangesNothing() throws {
      try withSystemd(.refusesChanges) { bundle, systemd throws in
        bundle.config["linux"]["resources"] = ["pids": ["limit": 33]]
        #expect(try bundle.tryCreate(global: SystemdDriver.systemd).status == 0)
        let update = try bundle.apus("update", "--pids-limit", "44", bundle.id)
        #expect(update.status == 1 && update.errors.contains("not now"), "\(update)")
        #expect(try SystemdDriver.pidsLimit(bundle, systemd) == "33\n")
      }
    }

    struct Refusal: Sendable, CustomTestStringConvertible {
      var mood: FakeSystemd.Mood
      var words: [String]
      var testDescription: String { words.joined(separator: " ") }
    }

    @Test(arguments: [
      Refusal(
        mood: .refuses(name: "org.freedesktop.systemd1.UnitExists", text: "already there", times: 9),
        words: ["already there"]),
      Refusal(
        mood: .refuses(name: "org.freedesktop.DBus.Error.AccessDenied", text: "", times: 9),
        words: ["AccessDenied", "may not"]),
      Refusal(mood: .jobEnds("failed"), words: ["systemd: start", "job ended with \"failed\""]),
      Refusal(mood: .closes, words: ["systemd: ", "/bus: read: Connection reset"]),
      Refusal(mood: .talksNonsense, words: ["systemd: ", "not D-Bus"]),
    ])
    func whatSystemdRefusesIsAnErrorAndNothingIsLeft(_ refusal: Refusal) throws {
      try withSystemd(refusal.mood) { bundle, _ throws in
        bundle.expectRefused(try bundle.tryCreate(global: SystemdDriver.systemd), "create", refusal.words)
      }
    }

    @Test func withoutABusItIsSaidWhereItWasLookedFor() throws {
      try withBundle { bundle throws in
        bundle.config["linux"]["cgroupsPath"] = nil
        bundle.environment = ["DBUS_SYSTEM_BUS_ADDRESS=unix:path=" + bundle.workspace + "/none"]
        let refused = try bundle.tryCreate(global: SystemdDriver.systemd)
        bundle.expectRefused(refused, "create", ["systemd: connect", "/work/none: no such file or directory"])
      }
    }
  }
}

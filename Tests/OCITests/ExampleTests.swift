import Foundation
import JSON
import OCI
import Testing

/// The specification's own example documents.
enum Examples {
  static let directory = Bundle.module.resourceURL!.appendingPathComponent("Schema/examples")

  /// The documents of a folder such as `config/good`.
  static func documents(_ folder: String) throws -> [(name: String, text: [UInt8])] {
    let names = try FileManager.default.contentsOfDirectory(atPath: directory.appendingPathComponent(folder).path)
    return try names.filter { $0.hasSuffix(".json") }.sorted().map { name in
      let url = directory.appendingPathComponent(folder).appendingPathComponent(name)
      return (name, Array(try Data(contentsOf: url)))
    }
  }

  static func document(_ path: String) throws -> [UInt8] {
    Array(try Data(contentsOf: directory.appendingPathComponent(path)))
  }
}

/// Decoding what was encoded gives the same value, in both forms.
func expectRoundTrip<T: JSONDocument & Equatable>(_ value: T, _ name: Comment) throws {
  for pretty in [false, true] {
    #expect(try T(json: value.json(pretty: pretty), file: "again") == value, name)
  }
}

@Test func goodConfigurationsDecodeAndSurviveEncoding() throws {
  let documents = try Examples.documents("config/good")
  #expect(documents.count == 9)
  for (name, text) in documents {
    try expectRoundTrip(Config(json: text, file: name), "\(name)")
  }
}

@Test func goodConfigurationsHaveOnlyTheProblemsTheyAreKnownFor() throws {
  // The examples are about form: some name versions before 1.0.0, or leave out a namespace they need.
  let known = [
    "zos-example.json": ["ociVersion", "hostname"], "spec-example.json": ["ociVersion"],
    "freebsd-example.json": ["hostname"], "linux-netdevice.json": ["linux.netDevices"],
  ]
  for (name, text) in try Examples.documents("config/good") {
    let problems = try Config(json: text, file: name).validate().filter { $0.severity == .error }
    #expect(problems.map(\.path) == known[name, default: []], "\(name)")
  }
}

@Test func badConfigurationsAreRefused() throws {
  for (name, text) in try Examples.documents("config/bad") where !name.hasPrefix("freebsd") {
    do throws(JSON.Error) {
      let problems = try Config(json: text, file: name).validate()
      #expect(problems.contains { $0.severity == .error }, "\(name)")
    } catch {
      #expect(error.file == name)
    }
  }
}

@Test(arguments: [
  ("config/bad/invalid-json.json", "c:1:2: invalid object key (must be a string)"),
  (
    "config/bad/linux-netdevice.json",
    "c:9:25: linux.netDevices.eth0.name: expected a string, found 23; write it in quotes"
  ),
  (
    "config/bad/linux-rdma.json",
    #"c:10:35: linux.resources.rdma.mlx5_1.hcaHandles: expected an integer, found "not a uint32""#
  ),
])
func badConfigurationsSayWhatIsWrong(path: String, expected: String) throws {
  let text = try Examples.document(path)
  let error = #expect(throws: JSON.Error.self) { try Config(json: text, file: "c") }
  #expect(error?.description == expected)
}

@Test func statesDecodeAndSurviveEncoding() throws {
  let state = try State(json: Examples.document("state/good/spec-example.json"), file: "state")
  #expect(
    state
      == State(
        ociVersion: "0.2.0", id: "oci-container1", pid: 4422, status: .running, bundle: "/containers/redis",
        annotations: ["myKey": "myValue"]))
  try expectRoundTrip(state, "example")
  #expect(throws: JSON.Error.self) { try State(json: Examples.document("state/bad/invalid-json.json"), file: "state") }
}

@Test func aStateIsPrintedInTheOrderThatEnginesKnow() throws {
  let state = State(
    ociVersion: "1.3.0", id: "c", pid: 0, status: .stopped, bundle: "/b", rootfs: "/b/rootfs",
    created: "2026-01-02T03:04:05.000000006Z", owner: "root", annotations: ["a": "b"])
  try expectRoundTrip(state, "complete")
  #expect(
    String(decoding: state.json(pretty: true), as: UTF8.self) == """
      {
        "ociVersion": "1.3.0",
        "id": "c",
        "pid": 0,
        "status": "stopped",
        "bundle": "/b",
        "rootfs": "/b/rootfs",
        "created": "2026-01-02T03:04:05.000000006Z",
        "owner": "root",
        "annotations": {
          "a": "b"
        }
      }
      """)
}

@Test func featuresDecodeAndSurviveEncoding() throws {
  for (name, text) in try Examples.documents("features/good") {
    try expectRoundTrip(Features(json: text, file: name), "\(name)")
  }
  let error = #expect(throws: JSON.Error.self) {
    try Features(json: Examples.document("features/bad/missing-ociVersionMax.json"), file: "features")
  }
  #expect(error?.description == "features:1:1: ociVersionMax: required, but missing")
}

@Test func completeFeaturesSurviveEncoding() throws {
  let linux = Features.Linux(
    namespaces: Config.NamespaceType.allCases, capabilities: ["CAP_KILL"],
    cgroup: .init(v1: true, v2: false, systemd: true, systemdUser: false, rdma: true),
    seccomp: .init(
      enabled: true, actions: [.allow], operators: [.equal], archs: [.riscv64], knownFlags: [.log, .tsync],
      supportedFlags: [.log]),
    apparmor: .init(enabled: false), selinux: .init(),
    intelRdt: .init(enabled: true, schemata: true, monitoring: false),
    memoryPolicy: .init(modes: [.bind], flags: [.numaBalancing]), mountExtensions: .init(idmap: .init(enabled: true)),
    netDevices: .init(enabled: true))
  try expectRoundTrip(
    Features(
      ociVersionMin: "1.0.0", ociVersionMax: "1.3.0", hooks: ["prestart"], mountOptions: ["ro"], linux: linux,
      annotations: ["a": "b"], potentiallyUnsafeConfigAnnotations: ["org.systemd.property."]), "complete")
}

@Test func aConfigurationWithEveryPropertySurvivesEncoding() throws {
  try expectRoundTrip(complete, "complete")
  #expect(complete.validate().filter { $0.severity == .error } == [])
  try expectRoundTrip(complete.process!, "process")
  try expectRoundTrip(complete.linux!.resources!, "resources")
}

/// Proves that `complete` deserves its name: what the schema lists is what is written.
@Test(
  arguments: [
    ("config-schema.json", ["properties"], [String](), ["solaris", "windows", "zos", "freebsd"]),
    ("config-schema.json", ["properties", "process", "properties"], ["process"], []),
    ("config-schema.json", ["properties", "process", "properties", "user", "properties"], ["process", "user"], []),
    ("config-schema.json", ["properties", "hooks", "properties"], ["hooks"], []),
    ("config-linux.json", ["linux", "properties"], ["linux"], []),
    ("config-linux.json", ["linux", "properties", "resources", "properties"], ["linux", "resources"], []),
    ("config-linux.json", ["linux", "properties", "seccomp", "properties"], ["linux", "seccomp"], []),
    ("config-linux.json", ["linux", "properties", "intelRdt", "properties"], ["linux", "intelRdt"], []),
    ("config-linux.json", ["linux", "properties", "memoryPolicy", "properties"], ["linux", "memoryPolicy"], []),
    (
      "config-linux.json", ["linux", "properties", "resources", "properties", "memory", "properties"],
      ["linux", "resources", "memory"], []
    ),
    (
      "config-linux.json", ["linux", "properties", "resources", "properties", "cpu", "properties"],
      ["linux", "resources", "cpu"], []
    ),
    (
      "config-linux.json", ["linux", "properties", "resources", "properties", "blockIO", "properties"],
      ["linux", "resources", "blockIO"], []
    ),
    ("config-vm.json", ["vm", "properties"], ["vm"], []),
    ("config-vm.json", ["vm", "properties", "hwConfig", "properties"], ["vm", "hwConfig"], []),
  ] as [(String, [String], [String], [String])])
func everyPropertyOfTheSchemaIsThere(schema: String, at: [String], path: [String], foreign: [String]) throws {
  let text = try Data(contentsOf: Bundle.module.resourceURL!.appendingPathComponent("Schema/" + schema))
  let listed = try members(of: text, at)
  let written = try members(of: Data(complete.json()), path)
  #expect(Set(listed).subtracting(foreign) == Set(written))
}

private func members(of text: Data, _ path: [String]) throws -> [String] {
  var object = try #require(JSONSerialization.jsonObject(with: text) as? [String: Any])
  for key in path { object = try #require(object[key] as? [String: Any]) }
  return Array(object.keys)
}

import Foundation
import OCI
import Testing

@testable import Cgroups

/// What systemd is told of a container: names and properties.
@Suite struct SystemdTests {
  // MARK: names

  @Test(arguments: [
    ("", false, "/system.slice/apus-web.scope"), ("", true, "/user.slice/apus-web.scope"),
    ("machine.slice:libpod:1f", false, "/machine.slice/libpod-1f.scope"),
    (":docker:1f", false, "/system.slice/docker-1f.scope"),
    ("a-b-c.slice::x", false, "/a.slice/a-b.slice/a-b-c.slice/x.scope"),
    ("-.slice:a:b", false, "/a-b.scope"), ("s.slice:a:b+c d", false, "/s.slice/a-b\\x2bc\\x20d.scope"),
  ])
  func aPathNamesSliceAndScope(_ path: String, _ isUser: Bool, _ expected: String) throws {
    #expect(try SystemdScope(cgroupsPath: path.isEmpty ? nil : path, id: "web", isUser: isUser).path == expected)
  }

  @Test(arguments: [
    "/a/b", "a.slice:b", "a.slice:b:", "a:b:c", "a-.slice:b:c", "a/b.slice:c:d", "a.slice:b:c:d", ".slice:a:b",
  ])
  func whatIsNoSuchPathIsRefused(_ path: String) {
    let text = failure { _ = try SystemdScope(cgroupsPath: path, id: "web", isUser: false) }
    #expect(text?.contains("linux.cgroupsPath") == true, "\(text ?? "accepted")")
  }

  @Test func aNameThatIsTooLongIsRefused() {
    let id = String(repeating: "x", count: 300)
    #expect(failure { _ = try SystemdScope(cgroupsPath: nil, id: id, isUser: false) }?.contains("255") == true)
  }

  @Test func theScopeIsSavedWithTheCgroup() throws {
    let tree = FakeTree()
    tree.file("fs/cgroup.controllers")
    let layout = try tree.detect("0::/user.slice/user-7.slice/user@7.service/app.slice/x.scope\n")
    let cgroup = try Cgroup(scope: SystemdScope(cgroupsPath: nil, id: "web", isUser: true), in: layout)
    #expect(cgroup.hierarchies.map(\.path) == ["/user.slice/user-7.slice/user@7.service/user.slice/apus-web.scope"])
    let again = try Cgroup(saved: cgroup.saved)
    #expect(again.scope?.unit == "apus-web.scope" && again.scope?.isUser == true)
    #expect(again.hierarchies.map(\.directory) == cgroup.hierarchies.map(\.directory))
    #expect(again.isV2Only)
  }

  @Test func theContainersCgroupMayBeBelowTheScopes() throws {
    let tree = FakeTree()
    tree.file("fs/cgroup.controllers")
    let layout = try tree.detect("0::/system.slice/x.service\n")
    let scope = try SystemdScope(cgroupsPath: "a.slice:b:c", id: "web", isUser: false, subgroup: "inner")
    let cgroup = try Cgroup(scope: scope, in: layout)
    let own = try #require(cgroup.unified)
    #expect(own.path.hasSuffix("/a.slice/b-c.scope/inner"))
    #expect(cgroup.outermost(in: own) + "/inner" == own.directory)
    let again = try Cgroup(saved: cgroup.saved)
    #expect(again.saved == cgroup.saved && again.scope?.unit == "b-c.scope")
    #expect(again.outermost(in: own) == cgroup.outermost(in: own))
  }

  @Test(arguments: ["a/b", "..", ".", "/", "/a", "a/"])
  func whatIsNoNameOfACgroupIsRefused(_ name: String) {
    let text = failure { _ = try SystemdScope(cgroupsPath: nil, id: "web", isUser: false, subgroup: name) }
    #expect(text?.contains("run.oci.systemd.subgroup") == true, "\(text ?? "accepted")")
  }

  // MARK: limits

  private static func text(_ properties: [UnitProperty]) -> [String] {
    properties.map { property in
      switch property.value {
      case .uint64(let value): return property.name + "=" + (value == .max ? "infinity" : String(value))
      case .bytes(let bytes): return property.name + "=" + bytes.map { String($0) }.joined(separator: ",")
      case .string(let text): return property.name + "=" + text
      case .pairs(let texts): return property.name + "=" + texts.joined(separator: " ")
      default: return property.name
      }
    }
  }

  @Test(arguments: [
    (Config.Linux.Resources(), [String](), [String]()),
    (.init(memory: .init(limit: 0, reservation: 0, swap: 0)), [], []),
    (
      .init(memory: .init(limit: 100, reservation: 50, swap: 150)), ["MemoryLimit=100"],
      ["MemoryMax=100", "MemoryLow=50", "MemorySwapMax=50"]
    ),
    (
      .init(memory: .init(limit: -1, swap: -1)), ["MemoryLimit=infinity"],
      ["MemoryMax=infinity", "MemorySwapMax=infinity"]
    ),
    (.init(cpu: .init(shares: 1024)), ["CPUShares=1024"], ["CPUWeight=100"]),
    (.init(cpu: .init(shares: 1024, idle: 1)), [], ["CPUWeight=0"]),
    (.init(cpu: .init(shares: 1024, idle: 0)), ["CPUShares=1024"], ["CPUWeight=100"]),
    (.init(cpu: .init(idle: 0)), [], ["CPUWeight=infinity"]),
    (
      .init(cpu: .init(quota: 33_333, period: 100_000)), ["CPUQuotaPeriodUSec=100000", "CPUQuotaPerSecUSec=340000"],
      ["CPUQuotaPeriodUSec=100000", "CPUQuotaPerSecUSec=340000"]
    ),
    (.init(cpu: .init(quota: 50_000)), ["CPUQuotaPerSecUSec=500000"], ["CPUQuotaPerSecUSec=500000"]),
    (.init(cpu: .init(quota: -1)), ["CPUQuotaPerSecUSec=infinity"], ["CPUQuotaPerSecUSec=infinity"]),
    (.init(cpu: .init(cpus: "0-1,9", mems: "0")), [], ["AllowedCPUs=3,2", "AllowedMemoryNodes=1"]),
    (.init(pids: .init(limit: 0)), ["TasksMax=1"], ["TasksMax=1"]),
    (.init(pids: .init(limit: -1)), ["TasksMax=infinity"], ["TasksMax=infinity"]),
    (.init(blockIO: .init(weight: 500)), ["BlockIOWeight=500"], ["IOWeight=4950"]),
    (
      .init(unified: ["memory.high": "7", "pids.max": "max", "cpuset.cpus": "2", "io.max": "8:0 rbps=1"]), [],
      ["MemoryHigh=7", "TasksMax=infinity", "AllowedCPUs=4"]
    ),
  ])
  func limitsBecomeProperties(_ resources: Config.Linux.Resources, _ v1: [String], _ v2: [String]) {
    #expect(SystemdTests.text(UnitProperties.of(resources, isV2: false)) == v1)
    #expect(SystemdTests.text(UnitProperties.of(resources, isV2: true)) == v2)
  }

  @Test(arguments: ["", "a", "3-1", "1-2-3", "-1", "99999", "0,,x"])
  func aListOfProcessorsThatIsNoneIsLeftToTheKernel(_ list: String) {
    #expect(UnitProperties.bitmap(list) == nil)
  }

  @Test func deviceRulesBecomeAList() {
    let rules: [Config.Linux.Resources.DeviceRule] = [
      .init(allow: false), .init(allow: true, type: .character, major: 1, minor: 3, access: "rw"),
      .init(allow: true, type: .character, major: 136, access: "rwm"), .init(allow: true, type: .block, access: "m"),
    ]
    #expect(
      SystemdTests.text(UnitProperties.devices(rules)) == [
        "DevicePolicy=strict", "DeviceAllow=/dev/char/1:3 rw char-136 rwm block-* m",
      ])
    let all: [Config.Linux.Resources.DeviceRule] = [.init(allow: true), .init(allow: false, type: .block, major: 8)]
    #expect(SystemdTests.text(UnitProperties.devices(all)) == ["DevicePolicy=auto", "DeviceAllow="])
  }

  // MARK: annotations

  @Test(arguments: [
    ("'text'", DBusValue.string("text")), ("\"it's\"", .string("it's")), (#"'it\'s'"#, .string("it's")),
    ("true", .bool(true)),
    (" false ", .bool(false)), ("5", .int32(5)), ("-5", .int32(-5)), ("uint64 5000", .uint64(5000)),
    ("uint32 0x10", .uint32(16)), ("int64 -9", .int64(-9)), ("byte 255", .byte(255)), ("int16 3", .int16(3)),
    ("uint16 3", .uint16(3)), ("objectpath '/a'", .objectPath("/a")), ("['a', 'b']", .strings(["a", "b"])),
    ("@as []", .strings([])), ("[]", .strings([])), ("['a,]']", .strings(["a,]"])),
  ])
  func anAnnotationIsReadAsGVariant(_ text: String, _ value: DBusValue) throws {
    #expect(
      try UnitProperties.of(annotations: ["org.systemd.property.Name": text])
        == [UnitProperty(name: "Name", value: value)])
  }

  @Test(arguments: [
    "", "text", "'open", "5 6", "uint64", "uint64 -1", "byte 256", "4294967296", "['a'", "['a' 'b']", "[5]",
    "int16 99999",
    "uint64 99999999999999999999", #"'\"#,
  ])
  func whatIsNoValueIsRefused(_ text: String) {
    let said = failure { _ = try UnitProperties.of(annotations: ["org.systemd.property.Name": text]) }
    #expect(said?.contains("is no value") == true)
  }

  @Test func secondsBecomeMicroseconds() throws {
    #expect(
      try UnitProperties.of(annotations: ["org.systemd.property.TimeoutStopSec": "uint64 5"])
        == [UnitProperty(name: "TimeoutStopUSec", value: .uint64(5_000_000))])
    #expect(
      try UnitProperties.of(annotations: ["org.systemd.property.TimeoutStopUSec": "uint64 5"])
        == [UnitProperty(name: "TimeoutStopUSec", value: .uint64(5))])
  }

  @Test func otherAnnotationsAreNobodysProperties() throws {
    #expect(try UnitProperties.of(annotations: ["org.systemd.properties": "x", "a": "b"]) == [])
    #expect(failure { _ = try UnitProperties.of(annotations: ["org.systemd.property.A/B": "1"]) } != nil)
  }

  // MARK: a systemd that does not answer

  @Test func theWaitForAnAnswerIsBounded() throws {
    let path = NSTemporaryDirectory() + "apus-" + UUID().uuidString
    let listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    defer {
      close(listener)
      unlink(path)
    }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    let bound = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(listener, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    try #require(bound == 0 && listen(listener, 0) == 0)
    // At first nobody answers; later on nobody takes the connection.
    for _ in 0..<3 {
      let said = failure {
        var manager = try SystemdManager.connect(to: "a.scope", by: path, milliseconds: 100)
        try manager.resetFailed()
      }
      #expect(said?.contains("timed out") == true || said?.contains("in time") == true, "\(said ?? "answered")")
    }
  }
}

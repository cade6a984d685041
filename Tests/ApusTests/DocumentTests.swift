import JSON
import Linux
import OCI
import Testing

@testable import apus

/// What the commands print.
struct DocumentTests {
  private func state(_ id: String, _ pid: Int32, _ status: State.Status) -> State {
    State(
      ociVersion: "1.3.0", id: id, pid: pid, status: status, bundle: "/b", created: "2026-01-02T03:04:05Z", owner: "me")
  }

  @Test(arguments: [false, true])
  func theExampleConfigurationIsValid(_ rootless: Bool) throws {
    var config = Config.example
    if rootless { config.makeRootless(uid: 1000, gid: 1001) }
    let again = try Config(json: config.json(pretty: true), file: "config.json")
    #expect(again == config)
    #expect(again.validate().isEmpty)
    #expect(again.process?.args == ["sh"] && again.process?.terminal == true)
  }

  @Test func theRootlessExampleNeedsNoPrivileges() {
    var config = Config.example
    config.makeRootless(uid: 1000, gid: 1001)
    #expect(config.linux?.namespaces.contains { $0.type == .user } == true)
    #expect(config.linux?.namespaces.contains { $0.type == .network } == false)
    #expect(config.linux?.uidMappings == [.init(containerID: 0, hostID: 1000, size: 1)])
    #expect(config.linux?.gidMappings == [.init(containerID: 0, hostID: 1001, size: 1)])
    #expect(config.linux?.resources == nil)
    #expect(!config.mounts.contains { $0.type == "sysfs" || $0.options.contains("gid=5") })
    #expect(config.mounts.filter { $0.type == "cgroup" }.allSatisfy { $0.options.contains("ro") })
  }

  @Test func theFeaturesDocumentIsComplete() throws {
    let features = try Features(json: Features.ofThisRuntime.json(pretty: true), file: "features.json")
    #expect(features == Features.ofThisRuntime)
    #expect(features.ociVersionMin == "1.0.0" && features.ociVersionMax == "1.3.0")
    #expect(features.hooks.count == 6)
    #expect(features.mountOptions.contains("rro") && features.mountOptions.contains("bind"))
    let linux = try #require(features.linux)
    #expect(linux.namespaces.count == 8)
    #expect(linux.capabilities.contains("CAP_SYS_ADMIN"))
    #expect(linux.seccomp?.archs.contains(.x86_64) == true)
    #expect(linux.seccomp?.actions.isEmpty == false && linux.seccomp?.operators.count == 7)
    #expect(linux.cgroup?.v1 == true && linux.cgroup?.v2 == true && linux.cgroup?.systemd != nil)
    #expect(linux.apparmor != nil && linux.selinux != nil && linux.intelRdt != nil && linux.netDevices != nil)
    #expect(linux.memoryPolicy?.modes.count == 7 && linux.mountExtensions?.idmap != nil)
    #expect(features.annotations["io.github.seccomp.libseccomp.version"] != nil)
  }

  @Test func theListIsAnArrayOfStates() throws {
    let states = [state("a", 7, .running), state("b", 0, .stopped)]
    #expect(String(decoding: List.json([]), as: UTF8.self) == "[]\n")
    let elements = try JSON.Document(List.json(states), file: "list").root.elements()
    var read: [State] = []
    for element in elements { read.append(try State(element.object())) }
    #expect(read == states)
  }

  @Test func theTableLinesItsColumnsUp() {
    let table = String(decoding: List.table([state("long-name", 7, .running), state("b", 0, .stopped)]), as: UTF8.self)
    #expect(
      table == """
        ID         PID  STATUS   BUNDLE  CREATED               OWNER
        long-name  7    running  /b      2026-01-02T03:04:05Z  me
        b          0    stopped  /b      2026-01-02T03:04:05Z  me

        """)
  }

  @Test func psKeepsTheHeadingAndTheLinesOfTheProcesses() throws {
    let output = Array("UID   PID  PPID CMD\nroot    1     0 init 12\nroot   12     1 sh\nroot  112     1 7 12\n".utf8)
    let kept = try Ps.lines(of: output, for: [12])
    #expect(String(decoding: kept, as: UTF8.self) == "UID   PID  PPID CMD\nroot   12     1 sh\n")
    #expect(throws: Failure.self) { try Ps.lines(of: Array("USER CMD\nroot sh\n".utf8), for: [12]) }
  }

  @Test(arguments: [
    (["--format", "json"], ["--format", "json"], []), (["--format=json"], ["--format=json"], []),
    (["-f", "json"], ["-f", "json"], []), (["-f", "-l"], [], ["-f", "-l"]), (["-o", "pid"], [], ["-o", "pid"]),
  ])
  func psTellsItsOwnFormatFromArgumentsOfTheOtherPs(_ words: [String], _ own: [String], _ others: [String]) throws {
    let (format, rest) = Ps.split(words)
    #expect(format == (own.isEmpty ? nil : .json))
    #expect(rest == others)
  }

  @Test func aPatternPicksTexts() throws {
    #expect(try filter(["web-1", "web-2", "db"], byPattern: "^web-[0-9]+$") == ["web-1", "web-2"])
    #expect(try filter(["a+b"], byPattern: "a\\+b") == ["a+b"])
    #expect(throws: Failure.self) { try filter(["a"], byPattern: "(") }
  }
}

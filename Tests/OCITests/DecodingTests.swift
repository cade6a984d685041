import Glibc
import JSON
import OCI
import Testing

private func complaint(about text: String) -> String? {
  do throws(JSON.Error) {
    _ = try Config(json: Array(text.utf8), file: "config.json")
    return nil
  } catch {
    return error.description
  }
}

@Test(arguments: [
  (
    "{\"ociVersion\": \"1.0.0\",\n \"linux\": {\"resources\": {\"memory\": {\n  \"limit\": \"64M\"}}}}",
    #"config.json:3:12: linux.resources.memory.limit: expected an integer, found "64M"; write bytes, for example 67108864"#
  ),
  (
    #"{"ociVersion": "1.0.0", "linux": {"namespaces": [{"type": "pid"}, {"type": "netwrk"}]}}"#,
    #"config.json:1:76: linux.namespaces[1].type: unknown value "netwrk"; "#
      + "write one of mount, pid, network, uts, ipc, user, cgroup, time"
  ),
  (#"{"root": {"path": "x"}}"#, "config.json:1:1: ociVersion: required, but missing"),
  (
    #"{"ociVersion": "1.0.0", "process": {"cwd": "/", "user": {"uid": -1}}}"#,
    "config.json:1:65: process.user.uid: -1 is out of range; write a number from 0 to 4294967295"
  ),
  (
    #"{"ociVersion": "1.0.0", "process": {"cwd": "/", "user": {"uid": 4294967296}}}"#,
    "config.json:1:65: process.user.uid: 4294967296 is out of range; write a number from 0 to 4294967295"
  ),
  (
    #"{"ociVersion": "1.0.0", "process": {"cwd": "/", "args": "sh"}}"#,
    #"config.json:1:57: process.args: expected an array, found "sh""#
  ),
  (
    #"{"ociVersion": "1.0.0", "process": {"cwd": "/\u0000etc"}}"#,
    "config.json:1:44: process.cwd: a NUL character in a string"
  ),
  (
    #"{"ociVersion": "1.0.0", "annotations": {"a.b": 1}}"#,
    #"config.json:1:48: annotations["a.b"]: expected a string, found 1; write it in quotes"#
  ),
  (
    #"{"ociVersion": "1.0.0", "linux": {"seccomp": {"defaultAction": "SCMP_ACT_DENY"}}}"#,
    #"config.json:1:64: linux.seccomp.defaultAction: unknown value "SCMP_ACT_DENY"; write one of SCMP_ACT_KILL, "#
      + "SCMP_ACT_KILL_PROCESS, SCMP_ACT_KILL_THREAD, SCMP_ACT_TRAP, SCMP_ACT_ERRNO, SCMP_ACT_TRACE, "
      + "SCMP_ACT_ALLOW, SCMP_ACT_LOG, SCMP_ACT_NOTIFY"
  ),
  ("[]", "config.json:1:1: expected an object, found an array"),
  ("", "config.json:1:1: the document is empty"),
])
func anErrorNamesThePlaceAndTheWayOut(text: String, expected: String) {
  #expect(complaint(about: text) == expected)
}

@Test func whatEnginesSendIsAccepted() throws {
  let text = #"""
    {"ociVersion": "1.0.2-dev", "process": {"user": {"uid": 0, "gid": 0, "additionalGids": null}, "args": ["true"],
      "env": null, "cwd": "/", "capabilities": {"bounding": ["CAP_FROM_THE_FUTURE"], "ambient": null},
      "rlimits": [{"type": "RLIMIT_NOFILE", "hard": 18446744073709551615, "soft": 18446744073709551615}],
      "apparmorProfile": "", "oomScoreAdj": 0},
     "root": {"path": "/x"}, "hooks": {"prestart": [{"path": "/proc/7/exe", "args": ["a", "b"]}]}, "annotations": null,
     "mounts": [{"destination": "proc", "type": "", "source": "proc", "options": null}],
     "linux": {"resources": {"devices": [{"allow": false, "access": "rwm"}], "memory": {}, "cpu": {"shares": 0},
       "pids": {"limit": 0}, "blockIO": {"weight": 0}}, "namespaces": [{"type": "mount", "path": ""}],
       "cgroupsPath": "", "rootfsPropagation": "rslave", "intelRdt": null, "unheardOf": [{"a": 1}],
       "devices": [{"path": "/dev/x", "type": "c", "major": 1, "minor": 3, "fileMode": 8630, "uid": 0, "gid": 0}]}}
    """#
  let config = try Config(json: Array(text.utf8), file: "config.json")
  #expect(config.linux?.resources?.memory == .init())
  #expect(config.linux?.resources?.devices == [.init(allow: false, type: .all, access: "rwm")])
  #expect(config.linux?.namespaces == [.init(type: .mount)])
  #expect(config.linux?.cgroupsPath == nil)
  #expect(config.process?.rlimits == [.init(type: "RLIMIT_NOFILE", soft: .max, hard: .max)])
  #expect(config.validate().filter { $0.severity == .error } == [])
  #expect(config.validate().map(\.path) == ["process.capabilities.bounding[0]", "mounts[0].destination"])
}

@Test func orderedMapsBehaveAsMaps() {
  var map: StringMap = ["b": "1", "a": "2", "b": "3"]
  #expect(map.entries == [.init(key: "b", value: "3"), .init(key: "a", value: "2")])
  map["c"] = "4"
  map["b"] = nil
  #expect(map.map(\.key) == ["a", "c"])
  #expect(map["a"] == "2")
  #expect(map["b"] == nil)
}

/// Of the calling thread, in nanoseconds.
private func cpuTime() -> Int {
  var time = timespec()
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
  return time.tv_sec * 1_000_000_000 + time.tv_nsec
}

@Test func tenThousandEntriesDecodeInLinearTime() throws {
  func config(_ count: Int) -> [UInt8] {
    Config(
      ociVersion: "1.3.0",
      process: .init(args: ["x"], env: (0..<count).map { "NAME_\($0)=some value" }, cwd: "/"),
      annotations: StringMap(entries: (0..<count).map { .init(key: "org.example.\($0)", value: "value") })
    ).json()
  }
  let small = config(2_000)
  let large = config(20_000)
  // In CPU time: what else the machine does is nothing to it.
  func fastest(_ text: [UInt8]) throws -> Int {
    try (0..<5).map { _ in
      let start = cpuTime()
      _ = try Config(json: text, file: "c").validate()
      return cpuTime() - start
    }.min()!
  }
  // Ten times the entries: a quadratic step anywhere would take a hundred times as long.
  #expect(try fastest(large) < fastest(small) * 40)
}

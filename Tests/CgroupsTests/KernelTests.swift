import Foundation
import Linux
import OCI
import Testing

@testable import Cgroups

private let isRoot = CurrentProcess.effectiveUID == 0 && (try? CgroupLayout.detect()) != nil

/// Real cgroups, below one of their own in every hierarchy; removed with their owner, whatever is in them.
private final class RealCgroup {
  var cgroup: Cgroup
  private var children: [Process] = []

  init(_ resources: Config.Linux.Resources? = nil) throws {
    let name = "/apus-test-cg/" + UUID().uuidString
    cgroup = try Cgroup(path: name, in: try CgroupLayout.detect())
    try cgroup.create()
    if let resources { try cgroup.apply(resources) }
  }

  deinit {
    try? cgroup.remove()
    for child in children { child.waitUntilExit() }
    for hierarchy in cgroup.hierarchies { try? removeDirectory(splitPath(hierarchy.directory).parent) }
  }

  /// Runs a shell script inside: the shell enters by writing itself into every directory.
  @discardableResult
  func run(_ script: String) throws -> Process {
    let enter = cgroup.hierarchies.map { "echo 0 > \($0.directory)/cgroup.procs" }.joined(separator: " && ")
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = ["-c", enter + " && echo in && { " + script + "; }"]
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = FileHandle.nullDevice
    try process.run()
    children.append(process)
    // The first line says that the shell is inside.
    #expect(pipe.fileHandleForReading.availableData.starts(with: Data("in".utf8)))
    return process
  }

  func read(_ controller: String, _ file: String) -> String? {
    cgroup.v1(controller).flatMap { readControl($0.directory + "/" + file) }
      ?? cgroup.unified.flatMap { readControl($0.directory + "/" + file) }
  }
}

@Suite(.enabled(if: isRoot, "makes real cgroups, which takes root"), .serialized) struct KernelTests {
  @Test func aCgroupIsMadeAndRemovedEverywhere() throws {
    let real = try RealCgroup()
    for hierarchy in real.cgroup.hierarchies { #expect(pathExists(hierarchy.directory)) }
    #expect(try Cgroup(saved: real.cgroup.saved).exists)
    try real.cgroup.remove()
    for hierarchy in real.cgroup.hierarchies { #expect(!pathExists(hierarchy.directory)) }
    #expect(!real.cgroup.exists)
    // Once more is no error.
    try real.cgroup.remove()
  }

  @Test func processesEnterByTheAttachment() throws {
    let real = try RealCgroup()
    let attachment = try real.cgroup.attachment()
    switch try clone(into: [], cgroup: attachment.unified) {
    case .child:
      for number in attachment.tasks {
        do { try Descriptor(taking: number).write("0") } catch { CurrentProcess.exit(1) }
      }
      CurrentProcess.exit((try? poll([], milliseconds: 60_000)) == nil ? 2 : 0)
    case .parent(let pid):
      // Killing works whether it has entered v1's directories yet or not; it is born inside v2's.
      if attachment.unified >= 0 { #expect(try real.cgroup.processes() == [pid]) }
      while try attachment.unified < 0 && real.cgroup.processes().isEmpty {}
      try real.cgroup.kill()
      #expect(try waitForChild(pid) == .signaled(9))
    }
    try real.cgroup.remove()
  }

  @Test func limitsAreFelt() throws {
    let real = try RealCgroup(.init(pids: .init(limit: 2)))
    let process = try real.run("(sleep 0 | sleep 0 | sleep 0) && exit 0")
    process.waitUntilExit()
    // A fork that is refused makes the shell fail.
    #expect(process.terminationStatus != 0)
    #expect(real.read("pids", "pids.max") == "2")
  }

  @Test func tooMuchMemoryKills() throws {
    let real = try RealCgroup(.init(memory: .init(limit: 16 << 20, swap: 16 << 20)))
    let process = try real.run("head -c 100000000 /dev/zero | tail -n 1 > /dev/null; exit $?")
    process.waitUntilExit()
    // tail(1), which has to keep what has no line break, was killed: 128 + 9 to the shell.
    #expect(process.terminationStatus == 137)
  }

  @Test func devicesAreDenied() throws {
    let real = try RealCgroup(
      .init(devices: [
        .init(allow: false), .init(allow: true, type: .character, major: 1, minor: 3, access: "rw"),
      ]))
    let allowed = try real.run("true < /dev/null")
    allowed.waitUntilExit()
    #expect(allowed.terminationStatus == 0)
    let denied = try real.run("(true < /dev/zero) || exit 7")
    denied.waitUntilExit()
    #expect(denied.terminationStatus == 7)
    // And after an update the other way round.
    try real.cgroup.update(.init(devices: [.init(allow: true, type: .character, major: 1, minor: 5)]))
    let changed = try real.run("true < /dev/zero && ! (true < /dev/null)")
    changed.waitUntilExit()
    #expect(changed.terminationStatus == 0)
  }

  @Test func theProgramForV2IsAcceptedAndReplaced() throws {
    let real = try RealCgroup()
    guard let unified = real.cgroup.unified else { return }
    let directory = try openFile(unified.directory, .directory)
    let rules: [Config.Linux.Resources.DeviceRule] = [
      .init(allow: false), .init(allow: true, type: .character, major: 1, minor: 3, access: "rw"),
      .init(allow: true, type: .block, access: "m"), .init(allow: false, major: 5, access: "w"),
    ]
    try DeviceProgram(try DeviceRules.program(rules)).replaceAll(of: directory)
    let first = try DeviceProgram.attached(to: directory)
    #expect(first.count == 1)
    try DeviceProgram(try DeviceRules.program([.init(allow: true)])).replaceAll(of: directory)
    let second = try DeviceProgram.attached(to: directory)
    #expect(second.count == 1 && second != first)

    try DeviceProgram(try DeviceRules.program(rules)).replaceAll(of: directory)
    let process = try real.run("true < /dev/null && ! (true < /dev/zero)")
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
  }

  @Test func limitsGoUpAndDownWithTheirCounterparts() throws {
    let real = try RealCgroup(
      .init(memory: .init(limit: 32 << 20, swap: 32 << 20), cpu: .init(quota: 50000, period: 100_000)))
    for (limit, swap) in [(64 << 20, 96 << 20), (16 << 20, 16 << 20), (64 << 20, 64 << 20)] as [(Int64, Int64)] {
      try real.cgroup.update(.init(memory: .init(limit: limit, swap: swap)))
    }
    try real.cgroup.update(.init(memory: .init(limit: -1)))
    try real.cgroup.update(.init(cpu: .init(quota: 2000, period: 4000)))
    try real.cgroup.update(.init(cpu: .init(quota: 900_000, period: 1_000_000)))
  }

  @Test func aRefusedUpdateChangesNothing() throws {
    let real = try RealCgroup(.init(memory: .init(limit: 32 << 20), pids: .init(limit: 50)))
    let files = [("memory", "memory.limit_in_bytes"), ("memory", "memory.max"), ("pids", "pids.max")]
    let before = files.map { real.read($0.0, $0.1) }
    // A CPU that no machine has.
    let message = failure {
      try real.cgroup.update(
        .init(memory: .init(limit: 64 << 20), cpu: .init(cpus: "4095"), pids: .init(limit: 60)))
    }
    #expect(message?.contains("write \"4095\" to") == true)
    #expect(files.map { real.read($0.0, $0.1) } == before)
  }

  @Test func aFrozenCgroupStandsStillAndCanBeKilled() throws {
    let real = try RealCgroup()
    let process = try real.run("sleep 1000 & sleep 1000")
    #expect(!real.cgroup.isFrozen)
    try real.cgroup.freeze()
    #expect(real.cgroup.isFrozen)
    try real.cgroup.thaw()
    #expect(!real.cgroup.isFrozen)
    try real.cgroup.freeze()
    try real.cgroup.kill()
    process.waitUntilExit()
    #expect(process.terminationReason == .uncaughtSignal)
  }

  @Test func v1sFreezerFreezesToo() throws {
    let real = try RealCgroup()
    let freezer = try #require(real.cgroup.v1("freezer"))
    try real.run("sleep 1000")
    let old = try Cgroup(saved: [freezer.controllers + ":" + freezer.mountPoint + ":" + freezer.path])
    try old.freeze()
    #expect(readControl(freezer.directory + "/freezer.state") == "FROZEN")
    #expect(old.isFrozen)
    // Without cgroup.kill: frozen, signalled, thawed.
    try old.kill()
    #expect(try old.processes().isEmpty)
    #expect(!old.isFrozen)
  }

  @Test func removalTakesStragglersAndSubgroupsAlong() throws {
    let real = try RealCgroup()
    for hierarchy in real.cgroup.hierarchies {
      try makeDirectories(hierarchy.directory + "/inner/deeper")
    }
    let process = try real.run("trap '' TERM; sleep 1000")
    #expect(try !real.cgroup.processes().isEmpty)
    try real.cgroup.remove()
    #expect(!real.cgroup.exists)
    process.waitUntilExit()
  }

  @Test func aSignalReachesAll() throws {
    let real = try RealCgroup()
    for _ in 0..<2 { try real.run("exec sleep 1000") }
    // Not one that a test runner's threads may have blocked for their children.
    try real.cgroup.signalAll(Signal(number: SIGSTOP))
    let deadline = Clock.monotonicMilliseconds() + 10_000
    func running() throws -> [Int32] {
      try real.cgroup.processes().filter { try ProcessStatus.of($0)?.state != UInt8(ascii: "T") }
    }
    while try !running().isEmpty && Clock.monotonicMilliseconds() < deadline {}
    #expect(try running().isEmpty)
    #expect(try real.cgroup.processes().count == 2)
  }

  @Test func aCgroupInUseIsNotTakenOver() throws {
    let real = try RealCgroup()
    try real.run("sleep 1000")
    var other = real.cgroup
    let message = failure { try other.create() }
    #expect(message?.contains("already exists and holds processes") == true)
    // And the one that is there stays.
    #expect(try !real.cgroup.processes().isEmpty)
  }

  @Test func anEmptyCgroupLeftBehindIsUsedAgain() throws {
    let real = try RealCgroup()
    var again = real.cgroup
    try again.create()
    #expect(again == real.cgroup)
  }

  @Test func aFailureHalfWayLeavesNothing() throws {
    var cgroup = try Cgroup(path: "/apus-test-half/" + UUID().uuidString, in: try CgroupLayout.detect())
    // The last hierarchy is one in which nothing can be made.
    cgroup.hierarchies += try Cgroup(saved: ["nothing:/proc:/x/y"]).hierarchies
    #expect(failure { try cgroup.create() }?.hasPrefix("cgroup: mkdir \"/proc/x") == true)
    for hierarchy in cgroup.hierarchies.dropLast() {
      #expect(!pathExists(hierarchy.directory))
      #expect(!pathExists(splitPath(hierarchy.directory).parent))
    }
  }

  @Test func aControllerOnTheOtherHierarchyIsFound() throws {
    let real = try RealCgroup()
    // hugetlb, where it is on cgroup v2 beside v1: enabled on the way down when it is asked for.
    guard real.cgroup.v1("hugetlb") == nil, let unified = real.cgroup.unified,
      readControl(unified.mountPoint + "/cgroup.controllers")?.contains("hugetlb") == true
    else { return }
    try real.cgroup.apply(.init(hugepageLimits: [.init(pageSize: "2MB", limit: 4 << 20)]))
    #expect(readControl(unified.directory + "/hugetlb.2MB.max") == String(4 << 20))
  }

  @Test func whatIsUsedIsCounted() throws {
    let real = try RealCgroup(.init(pids: .init(limit: 40)))
    try real.run("exec sleep 1000")
    let statistics = try real.cgroup.statistics()
    #expect(statistics.pids == .init(current: 1, limit: 40))
    #expect(statistics.cpu.total > 0)
    #expect(statistics.memory.memory.usage > 0)
    #expect(!statistics.memory.all.isEmpty)
    if real.cgroup.unified != nil { #expect(statistics.cpu.pressure != nil) }
  }

  @Test func wantOfMemoryIsTold() throws {
    let real = try RealCgroup(.init(memory: .init(limit: 16 << 20, swap: 16 << 20)))
    var watch = try real.cgroup.watchOutOfMemory()
    let process = try real.run("head -c 100000000 /dev/zero | tail -n 1 > /dev/null; exit $?")
    var event = OutOfMemoryWatch.Event.none
    while event == .none {
      let seen = try poll([watch.polled], milliseconds: 10_000)
      try #require(seen[0].isReady, "nothing was told within ten seconds")
      event = watch.next()
    }
    #expect(event == .outOfMemory)
    process.waitUntilExit()
    try real.cgroup.remove()
    while event != .removed {
      let seen = try poll([watch.polled], milliseconds: 10_000)
      try #require(seen[0].isReady, "the removal was not told within ten seconds")
      event = watch.next()
    }
  }

  /// The cgroup v2 part alone, as if the machine had nothing else.
  private func v2Only(_ real: RealCgroup, _ below: String) throws -> Cgroup? {
    guard let unified = real.cgroup.unified,
      readControl(unified.mountPoint + "/cgroup.controllers")?.contains("hugetlb") == true
    else { return nil }
    return try Cgroup(saved: [":" + unified.mountPoint + ":" + unified.path + below])
  }

  @Test func onV2ControllersAreEnabledOnTheWayDown() throws {
    let real = try RealCgroup()
    guard var cgroup = try v2Only(real, "/a/b") else { return }
    try cgroup.create()
    #expect(readControl(cgroup.unified!.directory + "/cgroup.controllers")?.contains("hugetlb") == true)
    try cgroup.apply(.init(hugepageLimits: [.init(pageSize: "2MB", limit: 2 << 20)], unified: ["hugetlb.2MB.max": "0"]))
    #expect(readControl(cgroup.unified!.directory + "/hugetlb.2MB.max") == "0")
  }

  @Test func belowACgroupWithProcessesALimitIsRefusedWithTheReason() throws {
    let real = try RealCgroup()
    guard var cgroup = try v2Only(real, "/inner") else { return }
    try real.run("sleep 1000")
    // Without limits there is nothing in the way.
    try cgroup.create()
    let message = failure { try cgroup.apply(.init(hugepageLimits: [.init(pageSize: "2MB", limit: 2 << 20)])) }
    #expect(message?.contains("Device or resource busy; that cgroup holds processes itself") == true)
  }

  @Test func belowAThreadedCgroupIsNoPlaceForProcesses() throws {
    let real = try RealCgroup()
    guard var cgroup = try v2Only(real, "/threads/inner") else { return }
    let parent = splitPath(cgroup.unified!.directory).parent
    try makeDirectory(parent)
    #expect(cgroup.unified!.complaintOfThreads == nil)
    try openFile(parent + "/cgroup.type", .writeOnly).write("threaded")
    // Made by us, it shows when a process is born there; found there, at once.
    try cgroup.create()
    let complaint = cgroup.unified!.complaintOfThreads
    #expect(complaint?.contains("is \"domain invalid\": a container cannot live below") == true)
    #expect(failure { try cgroup.create() }?.contains("below a threaded cgroup") == true)
    try cgroup.remove()
  }

  // MARK: device programs

  /// Three cgroups of v2, and a directory for notes of programs.
  private func withProgramNotes(_ body: ([Cgroup], LoadedDevicePrograms) throws -> Void) throws {
    let real = try RealCgroup()
    var cgroups: [Cgroup] = []
    for name in ["/one", "/two", "/three"] {
      guard var cgroup = try v2Only(real, name) else { return }
      try cgroup.create()
      cgroups.append(cgroup)
    }
    let folder = FileManager.default.temporaryDirectory.path + "/apus-notes-" + UUID().uuidString
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try body(cgroups, LoadedDevicePrograms(directory: folder))
  }

  private func programs(of cgroup: Cgroup) throws -> [UInt32] {
    try DeviceProgram.attached(to: openFile(cgroup.unified!.directory, .directory))
  }

  private func isLoaded(_ program: DeviceProgram.Identity) -> Bool {
    if let found = DeviceProgram.find(program) { return found.descriptor.number >= 0 }
    return false
  }

  private let onlyNull = Config.Linux.Resources(devices: [
    .init(allow: false), .init(allow: true, type: .character, major: 1, minor: 3, access: "rw"),
  ])
  private let onlyZero = Config.Linux.Resources(devices: [
    .init(allow: false), .init(allow: true, type: .character, major: 1, minor: 5, access: "rw"),
  ])

  @Test func cgroupsWithTheSameRulesShareAProgramAndOthersDoNot() throws {
    try withProgramNotes { cgroups, notes in
      try cgroups[0].apply(onlyNull, programs: notes)
      try cgroups[1].apply(onlyNull, programs: notes)
      let shared = try programs(of: cgroups[0])
      #expect(shared.count == 1)
      #expect(try programs(of: cgroups[1]) == shared)
      // As many instructions, but others: the note is that of the last.
      try cgroups[2].apply(onlyZero, programs: notes)
      #expect(try programs(of: cgroups[2]) != shared)
      // Once more for a cgroup that has it.
      try cgroups[2].apply(onlyZero, programs: notes)
      try cgroups[2].apply(onlyNull, programs: notes)
      #expect(try programs(of: cgroups[2]).count == 1)
    }
  }

  @Test func aNoteThatDoesNotHoldIsNotFollowed() throws {
    try withProgramNotes { cgroups, notes in
      try cgroups[0].apply(onlyNull, programs: notes)
      let name = try #require(try FileManager.default.contentsOfDirectory(atPath: notes.directory).first)
      let note = notes.directory + "/" + name
      let good = try readFile(note)
      let first = try programs(of: cgroups[0])
      #expect(Array(good[0..<4]) == withUnsafeBytes(of: first[0].littleEndian) { Array($0) })
      func changed(_ index: Int) -> [UInt8] {
        var bytes = good
        bytes[index] ^= 1
        return bytes
      }
      func isFollowed(_ bytes: [UInt8], owner: UInt32 = 0, mode: mode_t = 0o600) throws -> Bool {
        try? FileManager.default.removeItem(atPath: note)
        try Data(bytes).write(to: URL(fileURLWithPath: note))
        #expect(chmod(note, mode) == 0 && chown(note, owner, owner) == 0)
        try cgroups[1].apply(onlyNull, programs: notes)
        return try programs(of: cgroups[1]) == first
      }
      #expect(try isFollowed(good))
      // Another number, another time, other code, half a note, somebody else's, one that everybody may write.
      #expect(try !isFollowed(changed(2)))
      #expect(try !isFollowed(changed(8)))
      #expect(try !isFollowed(changed(good.count - 8)))
      #expect(try !isFollowed(Array(good.dropLast(8))))
      #expect(try !isFollowed([]))
      #expect(try !isFollowed(good, owner: 65534))
      #expect(try !isFollowed(good, mode: 0o622))
      #expect(try isFollowed(good))
    }
  }

  @Test func withTheLastCgroupTheProgramIsGone() throws {
    try withProgramNotes { cgroups, notes in
      for cgroup in cgroups { try cgroup.apply(onlyNull, programs: notes) }
      let note = notes.directory + "/" + (try FileManager.default.contentsOfDirectory(atPath: notes.directory)[0])
      let words = try readFile(note).withUnsafeBytes { Array($0.bindMemory(to: UInt64.self).prefix(2)) }
      let program = DeviceProgram.Identity(id: UInt32(words[0]), loadTime: words[1])
      for cgroup in cgroups {
        #expect(isLoaded(program))
        try cgroup.remove()
      }
      // The kernel frees it after a while of its own.
      for _ in 0..<600 where isLoaded(program) { _ = try poll([], milliseconds: 100) }
      #expect(!isLoaded(program))
    }
  }
}

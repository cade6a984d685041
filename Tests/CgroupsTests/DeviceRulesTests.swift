import Linux
import OCI
import TestSupport
import Testing

@testable import Cgroups

private typealias Rule = Config.Linux.Resources.DeviceRule
private typealias Access = DeviceRules.Access

/// A process asking for a device.
private struct Request {
  var isBlock: Bool
  var major: UInt32
  var minor: UInt32
  var access: Access
}

/// What the ordered rules mean, said as plainly as possible: each kind of access by the last rule that speaks of it.
private func isAllowed(_ request: Request, by rules: [Rule]) -> Bool {
  [Access.read, .write, .mknod].filter { request.access.contains($0) }.allSatisfy { kind in
    rules.last { rule in
      (rule.type == .all || (rule.type == .block) == request.isBlock)
        && (rule.major == nil || rule.major! < 0 || rule.major! == Int64(request.major))
        && (rule.minor == nil || rule.minor! < 0 || rule.minor! == Int64(request.minor))
        && (try! Access(rule.access)).contains(kind)
    }?.allow ?? false
  }
}

/// Runs a program as the kernel does, as far as ours go.
private func run(_ program: [BPFInstruction], _ request: Request) throws -> Bool {
  var registers = [UInt32](repeating: 0xdead, count: 11)
  let context: [Int16: UInt32] = [
    0: UInt32(request.access.rawValue) << 16 | (request.isBlock ? 1 : 2), 4: request.major, 8: request.minor,
  ]
  var counter = 0
  while true {
    let instruction = try #require(program.indices.contains(counter) ? program[counter] : nil, "ran past the end")
    let to = Int(instruction.destination)
    let value = UInt32(bitPattern: instruction.immediate)
    counter += 1
    switch instruction.code {
    case 0x61:
      try #require(instruction.source == 1)
      registers[to] = try #require(context[instruction.offset])
    case 0xbc: registers[to] = registers[Int(instruction.source)]
    case 0xb4: registers[to] = value
    case 0x54: registers[to] &= value
    case 0x4c: registers[to] |= registers[Int(instruction.source)]
    case 0x64: registers[to] <<= value
    case 0x74: registers[to] >>= value
    case 0x05: counter += Int(instruction.offset)
    case 0x56: if registers[to] != value { counter += Int(instruction.offset) }
    case 0x46: if registers[to] & value != 0 { counter += Int(instruction.offset) }
    case 0x95: return registers[0] == 1
    default: Issue.record("unknown instruction \(instruction.code)")
    }
  }
}

/// What the kernel makes of a v1 list (security/device_cgroup.c): all of a request by one exception, or any part of it.
private func isAllowed(_ request: Request, by list: DeviceList) -> Bool {
  let matching = list.exceptions.filter {
    $0.isBlock == request.isBlock && ($0.major == nil || $0.major == request.major)
      && ($0.minor == nil || $0.minor == request.minor)
  }
  if list.allowsByDefault { return !matching.contains { !$0.access.isDisjoint(with: request.access) } }
  return matching.contains { $0.access.isSuperset(of: request.access) }
}

/// Every request over a few numbers that rules name, and one that none does. The kernel asks to make a device file, or to read
/// or write or both.
private let requests: [Request] = [false, true].flatMap { isBlock in
  [UInt32(0), 1, 5, 136].flatMap { major in
    [UInt32(0), 3, 9].flatMap { minor in
      [Access.mknod, .read, .write, [.read, .write]].map {
        Request(isBlock: isBlock, major: major, minor: minor, access: $0)
      }
    }
  }
}

private func randomRules(_ generator: inout SeededGenerator) -> [Rule] {
  (0..<Int.random(in: 0...6, using: &generator)).map { _ in
    Rule(
      allow: Bool.random(using: &generator),
      type: [.all, .block, .character, .character].randomElement(using: &generator)!,
      major: [nil, -1, 1, 1, 5, 5000].randomElement(using: &generator)!,
      minor: [nil, 0, 3, 3, 1 << 20].randomElement(using: &generator)!,
      access: ["", "rwm", "r", "w", "m", "rw"].randomElement(using: &generator)!)
  }
}

/// What Docker sends, and then what a runtime adds for every container.
private let docker: [Rule] = [
  Rule(allow: false, access: "rwm"),
  Rule(allow: true, type: .character, major: 1, minor: 5, access: "rwm"),
  Rule(allow: true, type: .character, major: 1, minor: 3, access: "rwm"),
  Rule(allow: true, type: .character, major: 5, minor: 0, access: "rwm"),
  Rule(allow: false, type: .character, major: 10, minor: 229, access: "rwm"),
  Rule(allow: true, type: .character, access: "m"), Rule(allow: true, type: .block, access: "m"),
  Rule(allow: true, type: .character, major: 136, access: "rw"),
]

@Suite struct DeviceRulesTests {
  @Test func theProgramDecidesLikeTheRules() throws {
    var generator = SeededGenerator(state: 2026)
    for rules in [docker, []] + (0..<400).map({ _ in randomRules(&generator) }) {
      let program = try DeviceRules.program(rules)
      for request in requests where try run(program, request) != isAllowed(request, by: rules) {
        Issue.record("\(rules) decide otherwise on \(request)")
        return
      }
    }
  }

  @Test func theV1ListDecidesLikeTheRulesOrIsRefused() throws {
    var generator = SeededGenerator(state: 1604)
    var refused = 0
    for rules in [docker, []] + (0..<400).map({ _ in randomRules(&generator) }) {
      guard let list = try? DeviceList(rules) else {
        refused += 1
        continue
      }
      for request in requests where isAllowed(request, by: list) != isAllowed(request, by: rules) {
        Issue.record("\(rules) decide otherwise on \(request): \(list)")
        return
      }
    }
    #expect(refused > 0 && refused < 200)
  }

  @Test func dockersListBecomesItsLines() throws {
    let (deny, allow) = try DeviceList(docker).lines(from: DeviceList(reading: "a *:* rwm"))
    #expect(deny == ["a"])
    #expect(allow == ["c 1:5 rwm", "c 1:3 rwm", "c 5:0 rwm", "c *:* m", "b *:* m", "c 136:* rw"])
  }

  @Test func aChangeOfTheListTouchesWhatChanges() throws {
    let present = DeviceList(reading: "c 1:3 rwm\nc 1:5 rwm\nb *:* m")
    let wanted = try DeviceList([
      Rule(allow: true, type: .character, major: 1, minor: 3, access: "r"),
      Rule(allow: true, type: .block, access: "m"), Rule(allow: true, type: .character, major: 1, minor: 9),
    ])
    let (deny, allow) = wanted.lines(from: present)
    #expect(deny == ["c 1:3 wm", "c 1:5 rwm"])
    #expect(allow == ["c 1:3 r", "c 1:9 rwm"])
  }

  @Test func aHoleThatV1CannotMakeIsRefused() {
    let message = failure {
      _ = try DeviceList([
        Rule(allow: true, type: .character, major: 1), Rule(allow: false, type: .character, major: 1, minor: 3),
      ])
    }
    #expect(message?.contains("cannot deny \"c 1:3 rwm\" out of \"c 1:* rwm\"") == true)
  }

  @Test(arguments: ["rwx", "R", "r w"])
  func unknownAccessIsRefused(access: String) {
    #expect(failure { _ = try DeviceRules.program([Rule(allow: true, access: access)]) }?.contains("access") == true)
  }

  @Test func numbersOutOfRangeAreRefused() {
    let rule = Rule(allow: true, major: 1 << 32)
    #expect(failure { _ = try DeviceRules.program([rule]) }?.contains("no device number") == true)
    #expect(failure { _ = try DeviceList([rule]) }?.contains("no device number") == true)
  }
}

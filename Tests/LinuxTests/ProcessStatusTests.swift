import Testing

@testable import Linux

/// /proc/PID/stat (proc(5)) of a process with that name and state.
private func line(_ name: String, _ state: String, flags: Int = 0x40_0000, memory: Int = 4096, code: Int = 0)
  -> [UInt8]
{
  var fields = (3...52).map { String($0) }
  fields[0] = state
  fields[1] = "17"
  fields[2] = "-1"
  fields[6] = String(flags)
  fields[19] = "18446744073709551615"
  fields[20] = String(memory)
  fields[49] = String(code)
  return Array("1234 (\(name)) \(fields.joined(separator: " "))\n".utf8)
}

@Test(arguments: ["sh", "", ")", "a (b) c) R 1 2", "\n"])
func theFieldsOfAProcessAreCountedBehindItsName(_ name: String) throws {
  let status = try #require(ProcessStatus(parsing: line(name, "S")))
  #expect(status.state == UInt8(ascii: "S"))
  #expect(status.parent == 17)
  #expect(status.startTime == UInt64.max)
  #expect(status.hasExecuted && !status.isLeaving && !status.hasEnded && status.exitStatus == nil)
}

@Test func howAProcessEndedIsReadOffAZombie() throws {
  let exited = try #require(ProcessStatus(parsing: line("sh", "Z", flags: 0x44, memory: 0, code: 3 << 8)))
  #expect(exited.hasEnded && exited.isLeaving && !exited.hasExecuted && exited.exitStatus == .exited(3))
  let killed = try #require(ProcessStatus(parsing: line("sh", "X", memory: 0, code: 9)))
  #expect(killed.hasEnded && killed.exitStatus == .signaled(9))
  // Who lives has a number there, too.
  #expect(try #require(ProcessStatus(parsing: line("sh", "D", code: 9))).exitStatus == nil)
}

@Test(arguments: ["", "1234", "1234 (sh)", "1234 (sh) S", "1234 (sh) S 1 2 3"])
func halfAProcessIsNone(_ text: String) {
  #expect(ProcessStatus(parsing: Array(text.utf8)) == nil)
}

import Linux
import Testing

@testable import apus

/// A command with one of everything.
private struct Sample: Configurable {
  var all = false
  var bundle = ""
  var descriptors: Int32 = 0
  var id = ""
  var other: String?

  static var usage: String { "apus sample ID [OTHER]" }
  static func arguments(_ table: inout ArgumentTable<Sample>) {
    table.flag("all", letter: "a", "") { $0.all = $1 }
    table.value("bundle", letter: "b", "DIR", "") { $0.bundle = $1 }
    table.value("config", letter: "c", "FILE", "") { _, _ in }
    table.value("console-socket", "SOCKET", "") { _, _ in }
    table.value("preserve-fds", "N", "", as: count) { $0.descriptors = $1 }
    table.required("ID") { $0.id = $1 }
    table.optional("OTHER", as: nonEmpty) { $0.other = $1 }
  }
}

/// One whose operands end with somebody else's words.
private struct Rest: Configurable {
  var tty = false
  var id = ""
  var words: [String] = []

  static var usage: String { "" }
  static func arguments(_ table: inout ArgumentTable<Rest>) {
    table.flag("tty", letter: "t", "") { $0.tty = $1 }
    table.required("ID") { $0.id = $1 }
    table.rest("ARG") { $0.words = $1 }
  }
}

/// One whose operands end with a command.
private struct Exec: Configurable {
  var tty = false
  var id = ""
  var words: [String] = []

  static var usage: String { "" }
  static func arguments(_ table: inout ArgumentTable<Exec>) {
    table.flag("tty", letter: "t", "") { $0.tty = $1 }
    table.required("ID") { $0.id = $1 }
    table.command("CMD") { $0.words = $1 }
  }
}

private func parse<T: Configurable>(_ empty: T, _ arguments: String...) throws -> T {
  var value = empty
  #expect(try value.parse(arguments))
  return value
}

private func message<T: Configurable>(_ empty: T, _ arguments: [String]) -> String? {
  var value = empty
  do {
    _ = try value.parse(arguments)
    return nil
  } catch {
    return error.message
  }
}

/// glibc keeps the state of getopt_long in global variables, as the program needs it once: one test at a time.
@Suite(.serialized) struct ParsingTests {
  @Test(arguments: [
    ["--bundle=/b", "c"], ["--bundle", "/b", "c"], ["-b", "/b", "c"], ["-b/b", "c"], ["c", "-b", "/b"],
    ["-bundle=/b", "c"], ["-bundle", "/b", "c"], ["c", "-bundle", "/b"],
  ])
  func aValueIsReadInEveryForm(_ arguments: [String]) throws {
    var sample = Sample()
    #expect(try sample.parse(arguments))
    #expect(sample.bundle == "/b")
    #expect(sample.id == "c")
  }

  @Test func aValueMayLookLikeAnOptionOrBeEmpty() throws {
    #expect(try parse(Sample(), "--bundle", "--all", "c").bundle == "--all")
    #expect(try parse(Sample(), "--bundle", "-all", "c").bundle == "-all")
    #expect(try parse(Sample(), "-b", "x", "--bundle=", "c").bundle == "")
  }

  @Test func lettersCombine() throws {
    let sample = try parse(Sample(), "-ab", "x", "c")
    #expect(sample.all && sample.bundle == "x")
  }

  @Test func aFlagTakesNoWordButATruthValue() throws {
    #expect(try parse(Sample(), "--all", "c").id == "c")
    #expect(try parse(Sample(), "--all=true", "c").all)
    #expect(try !parse(Sample(), "--all", "--all=false", "c").all)
  }

  @Test func theLastOfSeveralCounts() throws {
    #expect(try parse(Sample(), "-b", "x", "c", "-b", "y").bundle == "y")
  }

  @Test func nothingIsAnOptionAfterTwoDashes() throws {
    let sample = try parse(Sample(), "-b", "x", "--", "--all", "-")
    #expect(!sample.all && sample.id == "--all" && sample.other == "-")
  }

  @Test func operandsKeepTheirOrderBetweenOptions() throws {
    let sample = try parse(Sample(), "one", "-a", "two")
    #expect(sample.id == "one" && sample.other == "two")
  }

  @Test func theRestIsTakenAsItIs() throws {
    let rest = try parse(Rest(), "-t", "c", "-ef", "--", "--tty")
    #expect(rest.tty && rest.id == "c" && rest.words == ["-ef", "--", "--tty"])
  }

  @Test func optionsEndWithTheCommand() throws {
    let exec = try parse(Exec(), "c", "-t", "ls", "-t", "--", "--tty=false")
    #expect(exec.tty && exec.id == "c" && exec.words == ["ls", "-t", "--", "--tty=false"])
    #expect(try parse(Exec(), "c", "--", "-t").words == ["-t"])
  }

  @Test(arguments: ["-h", "--help"])
  func helpComesBeforeComplaints(_ option: String) throws {
    var sample = Sample()
    #expect(try !sample.parse([option, "--nonsense"]))
  }

  @Test(arguments: [
    (["--bundel", "c"], "unknown option \"--bundel\"; did you mean --bundle?"),
    (["--bund=x", "c"], "unknown option \"--bund\"; did you mean --bundle?"),
    (["--bund"], "unknown option \"--bund\"; did you mean --bundle?"),
    (["--con", "x"], "unknown option \"--con\"; did you mean --config?"),
    (["--hel"], "unknown option \"--hel\"; did you mean --help?"),
    (["-al", "c"], "unknown option \"-l\"; --help lists the options"),
    (["-ax", "c"], "unknown option \"-x\"; --help lists the options"),
    (["-é", "c"], "unknown option \"-é\"; --help lists the options"),
    (["--all=maybe", "c"], "option --all: \"maybe\" is neither true nor false"),
    (["c", "--bundle"], "option --bundle needs an argument"),
    (["c", "-b"], "option --bundle needs an argument"),
    (["--preserve-fds=-1", "c"], "option --preserve-fds: \"-1\" is no number from 0 to 2147483647"),
    (["--preserve-fds=1x", "c"], "option --preserve-fds: \"1x\" is no number from 0 to 2147483647"),
    (
      ["--preserve-fds=99999999999999999999", "c"],
      "option --preserve-fds: \"99999999999999999999\" is no number from 0 to 2147483647"
    ),
    ([], "ID is missing; usage: apus sample ID [OTHER]"),
    (["a", "b", "c"], "unexpected argument \"c\"; usage: apus sample ID [OTHER]"),
  ])
  func aMistakeIsSaidInOneLine(_ arguments: [String], _ expected: String) {
    #expect(message(Sample(), arguments) == expected)
  }

  @Test func globalOptionsEndWithTheCommand() throws {
    let globals = try parse(
      Globals(), "--root", "/r", "--log=/l", "--log-format", "json", "--debug", "--systemd-cgroup", "--rootless=false",
      "kill", "--all", "c")
    #expect(globals.stateDirectory == "/r")
    #expect(globals.log.destination == .file("/l") && globals.log.format == .json && globals.log.level == .debug)
    #expect(globals.cgroupManager == .systemd && globals.rootless == .false)
    #expect(globals.command == ["kill", "--all", "c"])
  }

  @Test func whatStoodBeforeAMistakeIsSet() {
    var globals = Globals()
    #expect(throws: Failure.self) { try globals.parse(["--log", "/l", "--nonsense"]) }
    #expect(globals.log.destination == .file("/l"))
  }

  @Test(arguments: [
    (["--log-format", "xml"], "option --log-format: \"xml\" is none of text, json"),
    (["--cgroup-manager", "me"], "option --cgroup-manager: \"me\" is none of cgroupfs, systemd, disabled"),
    (["--rootless", "no"], "option --rootless: \"no\" is none of true, false, auto"),
    (["--root="], "option --root: it is empty"),
  ])
  func aWrongValueOfAGlobalOptionIsRefused(_ arguments: [String], _ expected: String) {
    #expect(message(Globals(), arguments) == expected)
  }
}

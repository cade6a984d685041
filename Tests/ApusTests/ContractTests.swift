import JSON
import OCI
import Testing

@testable import apus

/// The names and letters of a command's options.
private func spellings<T: Configurable>(_ type: T.Type) -> Set<String> {
  Set(ArgumentTable<T>.rows.options.map { $0.name + ($0.letter.map { "/" + String($0) } ?? "") })
}

/// What the command-line contract asks of each command.
struct ContractTests {
  private static let making: Set<String> = [
    "bundle/b", "config/f", "console-socket", "pidfd-socket", "pid-file", "no-pivot", "no-new-keyring", "preserve-fds",
    "dry-run", "no-subreaper",
  ]

  @Test func everyOptionOfTheContractExists() {
    #expect(spellings(Create.self) == ContractTests.making)
    #expect(spellings(Run.self) == ContractTests.making.union(["detach/d", "keep"]))
    #expect(spellings(Kill.self) == ["all/a", "regex/r"])
    #expect(spellings(Delete.self) == ["force/f", "regex/r"])
    #expect(spellings(List.self) == ["format/f", "quiet/q"])
    #expect(spellings(Ps.self) == ["format/f"])
    #expect(spellings(Check.self) == ["config", "format/f"])
    #expect(spellings(Spec.self) == ["bundle/b", "file/f", "rootless"])
    #expect(
      spellings(Globals.self) == [
        "root", "log", "log-format", "log-level", "debug", "systemd-cgroup", "cgroup-manager", "rootless", "version/v",
      ])
  }

  @Test func noCommandHasTwoOptionsOfOneName() {
    func check<T: Configurable>(_ type: T.Type) {
      let letters = ArgumentTable<T>.rows.options.compactMap { $0.letter } + ["h"]
      #expect(Set(letters).count == letters.count, "\(type)")
      let names = ArgumentTable<T>.rows.options.map { $0.name } + ["help"]
      #expect(Set(names).count == names.count, "\(type)")
    }
    check(Globals.self)
    check(Create.self)
    check(Run.self)
    check(Kill.self)
    check(Delete.self)
    check(List.self)
    check(Ps.self)
    check(Spec.self)
    check(Check.self)
  }

  @Test(arguments: [
    "create", "start", "run", "state", "kill", "delete", "list", "ps", "spec", "check", "features", "help",
  ])
  func everyCommandHasHelp(_ name: String) throws {
    let entry = try #require(Entry.named(name))
    #expect(entry.help().hasPrefix("usage: apus " + name + " [OPTIONS]"))
    #expect(entry.help().contains("-h, --help"))
    #expect(Help.program().contains("\n  " + name + " "))
  }

  @Test func helpShowsLettersArgumentsAndOperands() {
    let help = Help.text(of: Kill.self)
    #expect(help.contains("usage: apus kill [OPTIONS] ID [SIGNAL]"))
    #expect(help.contains("  -a, --all "))
    #expect(Help.text(of: Create.self).contains("      --pid-file FILE "))
  }

  @Test func theVersionIsInTheFormEnginesRead() {
    let lines = Version.text.split(separator: "\n")
    #expect(lines.count == 4)
    #expect(lines[0].hasPrefix("apus version "))
    #expect(lines[1].hasPrefix("commit: "))
    #expect(lines[2] == "spec: 1.3.0")
    #expect(lines[3].hasPrefix("libseccomp: 2."))
  }

  @Test func anUnknownCommandIsGuessed() {
    #expect(Program.unknownCommand("stat") == "unknown command \"stat\"; did you mean state?")
    #expect(Program.unknownCommand("crate") == "unknown command \"crate\"; did you mean create?")
    #expect(Program.unknownCommand("frobnicate") == "unknown command \"frobnicate\"; apus --help lists the commands")
  }

  @Test func aLogRecordIsOneLine() throws {
    let json = Log.line(.json, .error, "create: \"x\"\nfailed", time: "T")
    #expect(
      String(decoding: json, as: UTF8.self) == #"{"level":"error","msg":"create: \"x\"\nfailed","time":"T"}"# + "\n")
    let text = Log.line(.text, .warning, "a \"b\"", time: "T")
    #expect(String(decoding: text, as: UTF8.self) == #"time="T" level=warning msg="a \"b\"""# + "\n")
    #expect(Log.oneLine("a\nb\r\nc") == "a b  c")
  }
}

import Foundation
import Testing

extension Integration {
  /// The log file: what engines read when a command fails.
  @Suite struct LogFiles {
    private static func failing(_ bundle: Bundle, _ global: [String]) throws -> Outcome {
      bundle.arguments = ["nothing"]
      let outcome = try bundle.tryCreate(global: global)
      #expect(outcome.status == 1)
      return outcome
    }

    @Test func theLastLineAsJSONIsTheErrorOfStandardError() throws {
      try withBundle { bundle throws in
        let file = bundle.workspace + "/log"
        let outcome = try LogFiles.failing(bundle, ["--log", file, "--log-format", "json"])
        let last = try JSON(parsing: String(try #require(try Files.read(file).split(separator: "\n").last)))
        #expect(last.keys == ["level", "msg", "time"])
        #expect(last["level"].text == "error")
        #expect(outcome.errors == "apus: \(last["msg"].text ?? "")\n")
        let time = try #require(last["time"].text)
        #expect(ISO8601DateFormatter().date(from: time.replacing(/\.[0-9]+/, with: "")) != nil, "\(time)")
      }
    }

    @Test func theLastLineAsTextHasTheError() throws {
      try withBundle { bundle throws in
        let file = bundle.workspace + "/log"
        let outcome = try LogFiles.failing(bundle, ["--log=\(file)", "--log-format=text"])
        let last = try #require(try Files.read(file).split(separator: "\n").last)
        #expect(last.contains("level=error"))
        #expect(last.contains("executable file not found in $PATH"))
        #expect(outcome.errors.contains("executable file not found in $PATH"))
      }
    }

    @Test func aLogIsAddedTo() throws {
      try withBundle { bundle throws in
        let file = bundle.workspace + "/log"
        try Files.write("{\"before\":true}\n", to: file)
        _ = try LogFiles.failing(bundle, ["--log", file, "--log-format", "json"])
        _ = try LogFiles.failing(bundle, ["--log", file, "--log-format", "json"])
        let lines = try Files.read(file).split(separator: "\n").map { try JSON(parsing: String($0)) }
        #expect(lines.first?["before"] == true)
        #expect(lines.filter { $0["level"].text == "error" }.count == 2)
      }
    }

    @Test func aMessageWithSpecialCharactersIsStillJSON() throws {
      try withBundle { bundle throws in
        let file = bundle.workspace + "/log"
        bundle.arguments = ["/no \"quotes\"\n\\ and ü"]
        let outcome = try bundle.tryCreate(global: ["--log", file, "--log-format", "json"])
        #expect(outcome.status == 1)
        let last = try JSON(parsing: String(try #require(try Files.read(file).split(separator: "\n").last)))
        #expect(last["msg"].text?.contains("\"quotes\"") == true)
      }
    }

    @Test func aCommandThatSucceedsLogsNoError() throws {
      try withBundle { bundle throws in
        let file = bundle.workspace + "/log"
        let outcome = try bundle.tryCreate(global: ["--log", file, "--log-format", "json"])
        #expect(outcome.status == 0, "\(outcome)")
        #expect(((try? Files.read(file)) ?? "").contains("error") == false)
      }
    }

    /// As buildah has it in every step of a build, which shows its user what the runtime says.
    @Test func whatEnginesAskForInVainIsRecordedAndNotTold() throws {
      try withBundle { bundle throws in
        for set in ["bounding", "effective", "permitted", "ambient"] {
          bundle.config["process"]["capabilities"][set] = ["CAP_KILL"]
        }
        bundle.mount("/data", type: "bind", from: bundle.workspace, "bind", "z", "U")
        let quiet = try bundle.tryCreate()
        #expect(quiet.status == 0 && quiet.errors.isEmpty, "\(quiet)")
        #expect(try bundle.apus("delete", "--force", bundle.id).status == 0)
        let file = bundle.workspace + "/log"
        let outcome = try bundle.tryCreate(global: ["--log", file, "--log-format", "json"])
        #expect(outcome.status == 0 && outcome.errors.isEmpty, "\(outcome)")
        let records = try Files.read(file).split(separator: "\n").map { try JSON(parsing: String($0)) }
        #expect(records.map { $0["level"] } == ["warning", "warning"])
        for (record, part) in zip(records, ["no effect of CAP_KILL", "\"z\", \"U\" changes nothing"]) {
          #expect(record["msg"].text?.contains(part) == true, "\(record)")
        }
      }
    }

    /// Runs the program at a log of its own, and prints what arrives there.
    private static let collector = """
      import os, socket, subprocess, sys
      place, runtime, *arguments = sys.argv[1:]
      for directory in ("/run", "/dev"):
          subprocess.run(["mount", "-t", "tmpfs", "none", directory], check=True)
      os.makedirs(os.path.dirname(place), exist_ok=True)
      log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
      log.settimeout(60)
      log.bind(place)
      subprocess.run([runtime, *arguments])
      print(log.recv(65536).decode())
      """

    @Test(
      .enabled(if: Machine.isRoot && Machine.has("unshare") && Machine.has("python3"), "needs root and python3"),
      arguments: [
        ("journald:web", "text", "/run/systemd/journal/socket", "PRIORITY=3\nSYSLOG_IDENTIFIER=web\nMESSAGE=state: "),
        ("journald:", "json", "/run/systemd/journal/socket", "SYSLOG_IDENTIFIER=apus\nMESSAGE={\"level\":\"error\","),
        ("syslog:web", "text", "/dev/log", "<11>web: state: container \"missing\": container does not exist\n"),
      ])
    func theMachinesLogIsReached(_ log: String, _ format: String, _ place: String, _ record: String) throws {
      let made = try host(
        "unshare", "--mount", "python3", "-c", LogFiles.collector, place, Machine.runtime, "--root", "/run/none",
        "--log", log, "--log-format", format, "state", "missing")
      #expect(made.output.contains(record), "\(made)")
      #expect(made.errors == "apus: state: container \"missing\": container does not exist\n")
    }

    @Test func whatHasNoMachinesLogIsAFile() throws {
      try withBundle { bundle throws in
        for (prefix, file) in [("file:", bundle.workspace + "/log"), ("", bundle.workspace + "/disk:log")] {
          _ = try LogFiles.failing(bundle, ["--log", prefix + file])
          #expect(try Files.read(file).contains("level=error"))
        }
      }
    }

    @Test func debuggingTellsMore() throws {
      try withBundle { bundle throws in
        let file = bundle.workspace + "/log"
        let outcome = try bundle.tryCreate(global: ["--log", file, "--log-format", "json", "--debug"])
        #expect(outcome.status == 0, "\(outcome)")
        let lines = try Files.read(file).split(separator: "\n").map { try JSON(parsing: String($0)) }
        #expect(lines.contains { $0["level"].text == "debug" })
      }
    }

    @Test func aLogThatCannotBeWrittenDoesNotHideTheError() throws {
      try withBundle { bundle throws in
        let outcome = try LogFiles.failing(bundle, ["--log", bundle.workspace + "/missing/log"])
        #expect(outcome.errors.contains("executable file not found in $PATH"))
      }
    }
  }
}

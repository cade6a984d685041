import Foundation
import Testing

extension Integration {
  /// What state, list and ps answer.
  @Suite struct Answers {
    @Test func stateHasTheContractsFields() throws {
      try withBundle { bundle throws in
        bundle.config["annotations"] = ["org.example.key": "value \"quoted\" ü"]
        try bundle.launch("sleep", "1000")
        let state = try bundle.state()
        #expect(
          state.keys == ["ociVersion", "id", "pid", "status", "bundle", "rootfs", "created", "owner", "annotations"])
        #expect(state["id"].text == bundle.id)
        #expect(state["status"].text == "running")
        #expect(state["bundle"].text == bundle.directory)
        #expect(state["rootfs"].text == bundle.rootfs)
        #expect(state["owner"].text == "root")
        #expect(state["annotations"] == bundle.config["annotations"])
        #expect(state["ociVersion"].text?.hasPrefix("1.") == true)
        let created = try #require(state["created"].text)
        let format = ISO8601DateFormatter()
        let date = format.date(from: created.replacing(/\.[0-9]+/, with: ""))
        #expect(abs(try #require(date, "\(created)").timeIntervalSinceNow) < 60)
      }
    }

    @Test func statesPidIsTheContainersProcess() throws {
      try withBundle { bundle throws in
        try bundle.launch("sleep", "1000")
        let command = try Files.read("/proc/\(try bundle.pid())/cmdline")
        #expect(command == "sleep\01000\0")
      }
    }

    @Test func aStoppedContainerHasPidZero() throws {
      try withBundle { bundle throws in
        try bundle.launch("true")
        try bundle.waitUntilStopped()
        #expect(try bundle.state()["pid"].integer == 0)
      }
    }

    @Test func theBundleIsAbsoluteWhenItWasNamedFromTheCurrentDirectory() throws {
      try withBundle { bundle throws in
        try bundle.writeConfig()
        let create = try bundle.apus("create", "--bundle", "..", bundle.id)
        #expect(create.status == 0, "\(create)")
        #expect(try bundle.state()["bundle"].text == bundle.directory)
      }
    }

    @Test func theBundleIsTheCurrentDirectoryWhenNoneIsNamed() throws {
      try withBundle { bundle throws in
        try bundle.writeConfig()
        let create = try Command(
          [Machine.runtime, "--root", bundle.states, "create", bundle.id], environment: [bundle.marker],
          directory: bundle.directory
        ).finish()
        #expect(create.status == 0, "\(create)")
        #expect(try bundle.state()["bundle"].text == bundle.directory)
      }
    }

    @Test func thePidFileHoldsTheContainersPid() throws {
      try withBundle { bundle throws in
        let file = bundle.workspace + "/pid"
        try bundle.create("--pid-file", file)
        #expect(try Files.read(file) == String(try bundle.pid()))
      }
    }

    @Test func anotherConfigurationOfTheBundleCanBeNamed() throws {
      try withBundle { bundle throws in
        bundle.arguments = ["echo", "other"]
        try Files.write(bundle.config.serialized, to: bundle.directory + "/other.json")
        let run = try bundle.apus("run", "-b", bundle.directory, "--config", "other.json", bundle.id)
        #expect(run.line == "other", "\(run)")
      }
    }

    // MARK: list

    @Test func listAsJSONIsAnArrayOfStates() throws {
      try withBundle { bundle throws in
        try bundle.create()
        let list = try JSON(parsing: try bundle.apus("list", "--format", "json").output)
        #expect(list == .array([try bundle.state()]))
      }
    }

    @Test(arguments: ["-fjson", "--format=json"])
    func listOfNothingIsAnEmptyArray(_ format: String) throws {
      try withBundle { bundle throws in
        let list = try bundle.apus("list", format)
        #expect(list.status == 0)
        #expect(try JSON(parsing: list.output) == [])
      }
    }

    @Test func listQuietlyIsTheIdsAlone() throws {
      try withBundle { bundle throws in
        bundle.config["linux"]["cgroupsPath"] = nil
        for id in ["\(bundle.id)-b", "\(bundle.id)-a"] { try bundle.create(id: id) }
        #expect(try bundle.apus("list", "-q").lines == ["\(bundle.id)-a", "\(bundle.id)-b"])
      }
    }

    @Test func listIsATableForPeople() throws {
      try withBundle { bundle throws in
        try bundle.launch("sleep", "1000")
        let lines = try bundle.apus("list").lines
        try #require(lines.count == 2)
        #expect(lines[0].hasPrefix("ID "))
        for word in [bundle.id, String(try bundle.pid()), "running", bundle.directory] {
          #expect(lines[1].contains(word))
        }
      }
    }

    @Test func aDamagedNeighbourDoesNotSpoilTheList() throws {
      try withBundle { bundle throws in
        try bundle.create()
        try Files.makeDirectory(bundle.states + "/damaged")
        try Files.write("{", to: bundle.states + "/damaged/state.json")
        let list = try bundle.apus("list", "-f", "json")
        #expect(list.status == 0)
        #expect(try JSON(parsing: list.output).elements.map { $0["id"].text } == [bundle.id])
      }
    }

    // MARK: ps

    @Test func psAsJSONIsThePids() throws {
      try withBundle { bundle throws in
        try bundle.launch("sh", "-c", "sleep 1000 & : > /ready; wait")
        try #require(waitUntil { Files.exists(bundle.rootfs + "/ready") })
        let pid = try bundle.pid()
        let children = try Files.read("/proc/\(pid)/task/\(pid)/children").split(separator: " ").compactMap { Int($0) }
        let answer = try JSON(parsing: try bundle.apus("ps", "--format", "json", bundle.id).output)
        #expect(answer.elements.compactMap(\.integer).sorted() == ([pid] + children).sorted())
      }
    }

    @Test(.enabled(if: Machine.has("ps"), "needs ps"))
    func psIsATableForPeople() throws {
      try withBundle { bundle throws in
        try bundle.launch("sleep", "1000")
        let table = try bundle.apus("ps", bundle.id)
        #expect(table.status == 0, "\(table)")
        #expect(table.lines.count == 2)
        #expect(table.lines[0].contains("PID"))
        #expect(table.lines[1].contains("sleep 1000"))
      }
    }

    @Test(.enabled(if: Machine.has("ps"), "needs ps"))
    func psPassesItsArgumentsOn() throws {
      try withBundle { bundle throws in
        try bundle.launch("sleep", "1000")
        let table = try bundle.apus("ps", bundle.id, "-o", "pid,comm")
        #expect(table.lines.last?.split(separator: " ").map(String.init) == [String(try bundle.pid()), "sleep"])
      }
    }
  }
}

import Foundation
import Testing

extension Integration {
  /// create, start, state, kill, delete: what each does, and when it refuses.
  @Suite struct Lifecycle {
    // MARK: the way through

    @Test func aContainerGoesThroughCreatedRunningStoppedAndIsGone() throws {
      try withBundle { bundle throws in
        bundle.arguments = ["sleep", "1000"]
        try bundle.create()
        #expect(try bundle.status == "created")
        try bundle.start()
        #expect(try bundle.status == "running")
        #expect(try bundle.apus("kill", bundle.id, "KILL").status == 0)
        try bundle.waitUntilStopped()
        #expect(try bundle.apus("delete", bundle.id).status == 0)
        #expect(try bundle.apus("state", bundle.id).status == 1)
        bundle.expectNothingLeft()
      }
    }

    @Test func theProgramDoesNotRunBeforeStart() throws {
      try withBundle { bundle throws in
        bundle.arguments = ["touch", "/ran"]
        try bundle.create()
        #expect(!Files.exists(bundle.rootfs + "/ran"))
        try bundle.start()
        try bundle.waitUntilStopped()
        #expect(Files.exists(bundle.rootfs + "/ran"))
      }
    }

    @Test func theCommandsOfTheWayThroughSayNothing() throws {
      try withBundle { bundle throws in
        bundle.arguments = ["sleep", "1000"]
        var said = ""
        func run(_ outcome: Outcome) {
          #expect(outcome.status == 0)
          said += outcome.output + outcome.errors
        }
        run(try bundle.tryCreate())
        run(try bundle.apus("start", bundle.id))
        run(try bundle.apus("kill", bundle.id, "9"))
        try bundle.waitUntilStopped()
        run(try bundle.apus("delete", bundle.id))
        #expect(said == "")
      }
    }

    @Test func theContainersOutputIsThatOfCreate() throws {
      try withBundle { bundle throws in
        bundle.arguments = ["sh", "-c", "echo out; echo error >&2"]
        try bundle.writeConfig()
        let create = try bundle.begin(["create", "-b", bundle.directory, bundle.id])
        #expect(try create.finish().status == 0)
        try bundle.start()
        #expect(try waitUntil { try create.outputSoFar == "out\n" })
      }
    }

    @Test func theCreatedProcessBelongsToWhoeverReapsTheCallersOrphans() throws {
      try withBundle { bundle throws in
        try bundle.create()
        #expect(Processes.status(try bundle.pid(), "PPid") == String(getpid()))
      }
    }

    @Test func aZombieCountsAsStopped() throws {
      try withBundle { bundle throws in
        try bundle.launch("true")
        let file = try JSON(parsing: try bundle.apus("state", bundle.id).output)
        if let pid = file["pid"].integer, pid > 0 {
          // Unless the end of another test has reaped it, it is one now.
          #expect(waitUntil { !Processes.isAlive(pid) })
        }
        #expect(try bundle.status == "stopped")
        #expect(try bundle.pid() == 0)
        #expect(try bundle.apus("delete", bundle.id).status == 0)
      }
    }

    @Test func changesOfTheBundleAfterCreateHaveNoEffect() throws {
      try withBundle { bundle throws in
        bundle.arguments = ["sh", "-c", "echo first > /which"]
        bundle.config["annotations"] = ["which": "first"]
        try bundle.create()
        bundle.arguments = ["sh", "-c", "echo second > /which"]
        bundle.config["annotations"] = ["which": "second"]
        try bundle.writeConfig()
        try bundle.start()
        try bundle.waitUntilStopped()
        #expect(try Files.read(bundle.rootfs + "/which") == "first\n")
        #expect(try bundle.state()["annotations"]["which"].text == "first")
      }
    }

    @Test func aBundleIsDeletedWhenItsConfigurationIsGone() throws {
      try withBundle { bundle throws in
        try bundle.launch("true")
        try bundle.waitUntilStopped()
        unlink(bundle.directory + "/config.json")
        #expect(try bundle.apus("delete", bundle.id).status == 0)
        bundle.expectNothingLeft()
      }
    }

    @Test func aConfigurationWithoutProcessCanBeCreatedButNotStarted() throws {
      try withBundle { bundle throws in
        bundle.config["process"] = nil
        try bundle.create()
        let start = try bundle.apus("start", bundle.id)
        #expect(start.status == 1)
        #expect(start.errors.contains("process"))
        #expect(try bundle.status == "created")
      }
    }

    @Test func startReportsWhatTheProgramCouldNotBeStartedFor() throws {
      try withBundle { bundle throws in
        // There while the container is created, gone when it is started.
        try Files.write("#!/bin/sh\n", to: bundle.rootfs + "/bin/passing", mode: 0o755)
        bundle.arguments = ["/bin/passing"]
        try bundle.create()
        unlink(bundle.rootfs + "/bin/passing")
        let start = try bundle.apus("start", bundle.id)
        #expect(start.status == 1)
        #expect(start.errors.contains("/bin/passing"))
        #expect(start.errors.lowercased().contains("no such file or directory"))
        try bundle.waitUntilStopped()
      }
    }

    // MARK: refusals

    @Test func aContainerIsStartedOnce() throws {
      try withBundle { bundle throws in
        try bundle.launch("sleep", "1000")
        let again = try bundle.apus("start", bundle.id)
        #expect(again.status == 1)
        #expect(again.errors.contains(bundle.id))
        #expect(try bundle.status == "running")
      }
    }

    @Test func aStoppedContainerCannotBeStarted() throws {
      try withBundle { bundle throws in
        try bundle.launch("true")
        try bundle.waitUntilStopped()
        let again = try bundle.apus("start", bundle.id)
        #expect(again.status == 1)
        #expect(again.errors.contains("stopped"))
      }
    }

    @Test func aStoppedContainerCannotBeKilled() throws {
      try withBundle { bundle throws in
        try bundle.launch("true")
        try bundle.waitUntilStopped()
        let kill = try bundle.apus("kill", bundle.id, "TERM")
        #expect(kill.status == 1)
        #expect(kill.errors.contains("container not running"))
        #expect(try bundle.apus("kill", "--all", bundle.id, "TERM").status == 0)
      }
    }

    @Test(arguments: ["created", "running"])
    func deleteRefusesAContainerThatIs(_ status: String) throws {
      try withBundle { bundle throws in
        bundle.arguments = ["sleep", "1000"]
        try bundle.create()
        if status == "running" { try bundle.start() }
        let before = try bundle.state()
        let delete = try bundle.apus("delete", bundle.id)
        #expect(delete.status == 1)
        #expect(delete.errors.contains(bundle.id))
        #expect(try bundle.state() == before)
        #expect(Hierarchies.existing(bundle.cgroupsPath) != [])
        if status == "created" { try bundle.start() }
        #expect(try bundle.status == "running")
      }
    }

    @Test(arguments: ["created", "running", "stopped"])
    func deleteByForceRemovesAContainerThatIs(_ status: String) throws {
      try withBundle { bundle throws in
        bundle.arguments = status == "stopped" ? ["true"] : ["sleep", "1000"]
        try bundle.create()
        if status != "created" { try bundle.start() }
        if status == "stopped" { try bundle.waitUntilStopped() }
        let delete = try bundle.apus("delete", "--force", bundle.id)
        #expect(delete.status == 0)
        #expect(delete.errors == "")
        bundle.expectNothingLeft()
      }
    }

    @Test func deleteByForceEndsProcessesThatTheContainerHasMade() throws {
      try withBundle { bundle throws in
        bundle.namespace("pid")
        try bundle.launch("sh", "-c", "setsid sleep 1000 & setsid sleep 1000 & touch /ready; exec sleep 1000")
        try #require(waitUntil { Files.exists(bundle.rootfs + "/ready") })
        #expect(try bundle.apus("delete", "--force", bundle.id).status == 0)
        bundle.expectNothingLeft()
      }
    }

    @Test func deleteByForceOfAnUnknownContainerIsSilentlyDone() throws {
      try withBundle { bundle throws in
        let delete = try bundle.apus("delete", "--force", bundle.id)
        #expect(delete.status == 0)
        #expect(delete.output + delete.errors == "")
      }
    }

    @Test func anIdInUseIsRefusedAndItsContainerUnharmed() throws {
      try withBundle { bundle throws in
        try bundle.launch("sleep", "1000")
        let before = try bundle.state()
        let again = try bundle.tryCreate()
        #expect(again.status == 1)
        #expect(again.errors.contains("already exists"))
        #expect(try bundle.state() == before)
        #expect(try bundle.status == "running")
        #expect(Hierarchies.existing(bundle.cgroupsPath) != [])
      }
    }

    @Test func anIdCanBeUsedAgainAfterDelete() throws {
      try withBundle { bundle throws in
        for _ in 0..<2 {
          try bundle.launch("true")
          try bundle.waitUntilStopped()
          #expect(try bundle.apus("delete", bundle.id).status == 0)
        }
      }
    }

    @Test(arguments: [["state"], ["start"], ["kill"], ["delete"], ["ps"], ["kill", "--all"]])
    func aCommandOnAnUnknownContainerFails(_ command: [String]) throws {
      try withBundle { bundle throws in
        let outcome = try bundle.begin(command + ["nobody"]).finish()
        #expect(outcome.status == 1)
        #expect(outcome.output == "")
        #expect(outcome.errors.contains("nobody"))
        #expect(outcome.errors.contains("container does not exist"))
        #expect(outcome.errors.hasPrefix("apus: \(command[0]): "))
      }
    }

    @Test(arguments: ["a", "A-z_0+9.x", String(repeating: "n", count: 255), "-x.y", "1"])
    func anIdMayBe(_ id: String) throws {
      try withBundle { bundle throws in
        try bundle.writeConfig()
        let create = try bundle.apus("create", "-b", bundle.directory, "--", id)
        #expect(create.status == 0, "\(create)")
        #expect(try JSON(parsing: try bundle.apus("state", "--", id).output)["id"].text == id)
        #expect(try bundle.apus("delete", "--force", "--", id).status == 0)
        bundle.expectNothingLeft()
      }
    }

    @Test(arguments: [
      "", ".", "..", ".hidden", "a/b", "../a", "a b", "ä", "a\nb", "a:b", "a@b", String(repeating: "n", count: 1025),
    ])
    func anIdMayNotBe(_ id: String) throws {
      try withBundle { bundle throws in
        let create = try bundle.tryCreate(id: id)
        bundle.expectError(create, of: "create")
        bundle.expectNothingLeft()
      }
    }

    @Test(arguments: ["state", "start", "kill", "delete"])
    func aBadIdIsRefusedBy(_ command: String) throws {
      try withBundle { bundle throws in
        try Files.makeDirectory(bundle.states)
        try Files.makeDirectory(bundle.workspace + "/victim")
        let outcome = try bundle.apus(command, "../work/victim")
        #expect(outcome.status == 1)
        #expect(Files.exists(bundle.workspace + "/victim"))
      }
    }

    @Test func deleteByForceOfABadIdTouchesNothing() throws {
      try withBundle { bundle throws in
        try Files.makeDirectory(bundle.states)
        try Files.makeDirectory(bundle.workspace + "/victim")
        _ = try bundle.apus("delete", "--force", "../work/victim")
        #expect(Files.exists(bundle.workspace + "/victim"))
      }
    }
  }
}

import Foundation
import Testing

extension Integration {
  /// Containers whose processes stand still.
  @Suite struct PauseAndResume {
    /// Makes a file longer as long as it runs.
    private static let counter = "while true; do echo x >> /count; sleep 0.01; done"

    private static func count(_ bundle: Bundle) -> Int { (try? Files.read(bundle.rootfs + "/count").count) ?? 0 }

    @Test func aPausedContainerStandsStillUntilItIsResumed() throws {
      try withBundle { bundle throws in
        try bundle.launch("sh", "-c", PauseAndResume.counter)
        try #require(waitUntil { PauseAndResume.count(bundle) > 4 })
        #expect(try bundle.apus("pause", bundle.id).description == Outcome.silent)
        #expect(try bundle.status == "paused")
        #expect(try bundle.apus("list").output.contains(" paused "))
        let before = PauseAndResume.count(bundle)
        usleep(100_000)
        #expect(PauseAndResume.count(bundle) == before)
        #expect(try bundle.apus("resume", bundle.id).description == Outcome.silent)
        #expect(try bundle.status == "running")
        #expect(waitUntil { PauseAndResume.count(bundle) > before })
      }
    }

    @Test func processesThatForkAllTheTimeArePausedToo() throws {
      try withBundle { bundle throws in
        bundle.config["linux"]["resources"] = ["pids": ["limit": 40]]
        try bundle.launch("sh", "-c", "touch /ready; while true; do true & true & true & wait; done")
        try #require(waitUntil { Files.exists(bundle.rootfs + "/ready") })
        for _ in 0..<10 {
          try #require(try bundle.apus("pause", bundle.id).status == 0)
          #expect(try bundle.status == "paused")
          try #require(try bundle.apus("resume", bundle.id).status == 0)
        }
      }
    }

    @Test func aCreatedContainerIsNotStartedWhileItIsPaused() throws {
      try withBundle { bundle throws in
        bundle.arguments = ["sleep", "1000"]
        try bundle.create()
        #expect(try bundle.apus("pause", bundle.id).status == 0)
        #expect(try bundle.status == "paused")
        let start = try bundle.apus("start", bundle.id)
        #expect(start.status == 1)
        #expect(start.errors.contains("paused"), "\(start)")
        #expect(try bundle.apus("resume", bundle.id).status == 0)
        #expect(try bundle.status == "created")
        try bundle.start()
        #expect(try bundle.status == "running")
      }
    }

    @Test func whatIsNotRunningIsNotPaused() throws {
      try withBundle { bundle throws in
        try bundle.launch("sleep", "1000")
        #expect(try bundle.apus("pause", bundle.id).status == 0)
        let again = try bundle.apus("pause", bundle.id)
        #expect(again.errors.hasSuffix("container not running: it is paused already\n"), "\(again)")
        #expect(try bundle.apus("kill", bundle.id, "KILL").status == 0)
        try bundle.waitUntilStopped()
        let stopped = try bundle.apus("pause", bundle.id)
        #expect(stopped.status == 1)
        #expect(stopped.errors == "apus: pause: container \"\(bundle.id)\": container not running\n")
        #expect(try bundle.apus("pause", "nobody").errors.contains("container does not exist"))
      }
    }

    @Test func whatIsNotPausedIsNotResumed() throws {
      try withBundle { bundle throws in
        bundle.arguments = ["sleep", "1000"]
        try bundle.create()
        for status in ["created", "running", "stopped"] {
          if status == "running" { try bundle.start() }
          if status == "stopped" {
            try bundle.apus("kill", bundle.id, "KILL")
            try bundle.waitUntilStopped()
          }
          let resume = try bundle.apus("resume", bundle.id)
          #expect(resume.status == 1)
          #expect(resume.errors == "apus: resume: container \"\(bundle.id)\" is \(status): container not paused\n")
        }
      }
    }

    @Test(arguments: [[], ["--all"]])
    func aPausedContainerIsKilled(_ flags: [String]) throws {
      try withBundle { bundle throws in
        try bundle.launch("sh", "-c", "sleep 1000 & sleep 1000")
        #expect(try bundle.apus("pause", bundle.id).status == 0)
        #expect(try bundle.begin(["kill"] + flags + [bundle.id, "KILL"]).finish().status == 0)
        try bundle.waitUntilStopped()
        #expect(try bundle.apus("delete", bundle.id).status == 0)
        bundle.expectNothingLeft()
      }
    }

    @Test(arguments: [true, false])
    func aPausedContainerIsDeletedByForce(_ hasPIDNamespace: Bool) throws {
      try withBundle { bundle throws in
        if !hasPIDNamespace { bundle.namespace("pid") }
        try bundle.launch("sh", "-c", "sleep 1000 & sleep 1000")
        #expect(try bundle.apus("pause", bundle.id).status == 0)
        let delete = try bundle.apus("delete", bundle.id)
        #expect(delete.status == 1)
        #expect(delete.errors.contains("paused and not stopped"), "\(delete)")
        #expect(try bundle.apus("delete", "--force", bundle.id).description == Outcome.silent)
        bundle.expectNothingLeft()
      }
    }

    @Test(.enabled(if: Hierarchies.directory("freezer") != nil, "needs the v1 freezer controller"))
    func whatAContainerItselfHasFrozenIsDeletedByForce() throws {
      try withBundle { bundle throws in
        bundle.namespace("pid")
        try bundle.launch("sh", "-c", "sleep 1000 & echo $! > /child; exec sleep 1000")
        try #require(waitUntil { (try? Files.read(bundle.rootfs + "/child"))?.hasSuffix("\n") ?? false })
        let below = try #require(Hierarchies.directory("freezer")) + bundle.cgroupsPath + "/below"
        try Files.makeDirectory(below)
        try Files.write(try Files.read(bundle.rootfs + "/child"), to: below + "/cgroup.procs")
        try Files.write("FROZEN", to: below + "/freezer.state")
        #expect(try bundle.apus("delete", "--force", bundle.id).description == Outcome.silent)
        bundle.expectNothingLeft()
      }
    }

    @Test func withoutACgroupThereIsNothingToFreeze() throws {
      try withBundle { bundle throws in
        bundle.arguments = ["sleep", "1000"]
        #expect(try bundle.tryCreate(global: ["--cgroup-manager", "disabled"]).status == 0)
        let pause = try bundle.apus("pause", bundle.id)
        #expect(pause.status == 1)
        #expect(pause.errors == "apus: pause: cgroup: the container has no cgroup that could be frozen\n")
      }
    }
  }
}

extension Outcome {
  /// The description of a command that succeeds and says nothing.
  static let silent = Outcome(status: 0, output: "", errors: "").description
}

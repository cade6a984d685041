import Foundation
import Testing

extension Integration {
  /// Which signal arrives where.
  @Suite struct Kill {
    /// Prints each signal it gets, then ends.
    private static let listener = """
      for n in 1 2 10 12 15; do trap "echo $n > /got; exit" $n; done
      touch /ready; while true; do sleep 1000 & wait; done
      """

    @Test(
      arguments: zip(
        ["10", "USR1", "SIGUSR1", "usr1", "1", "HUP", "12", "SIGUSR2", "2", "INT"],
        ["10", "10", "10", "10", "1", "1", "12", "12", "2", "2"]))
    func aSignalIsNamed(_ name: String, is number: String) throws {
      try withBundle { bundle throws in
        try bundle.launch("sh", "-c", Kill.listener)
        try #require(waitUntil { Files.exists(bundle.rootfs + "/ready") })
        #expect(try bundle.apus("kill", bundle.id, name).status == 0)
        try bundle.waitUntilStopped()
        #expect(try Files.read(bundle.rootfs + "/got") == number + "\n")
      }
    }

    @Test func theSignalIsTermWhenNoneIsNamed() throws {
      try withBundle { bundle throws in
        try bundle.launch("sh", "-c", Kill.listener)
        try #require(waitUntil { Files.exists(bundle.rootfs + "/ready") })
        #expect(try bundle.apus("kill", bundle.id).status == 0)
        try bundle.waitUntilStopped()
        #expect(try Files.read(bundle.rootfs + "/got") == "15\n")
      }
    }

    @Test func zeroAsksWhetherASignalCouldBeSent() throws {
      try withBundle { bundle throws in
        try bundle.launch("sleep", "1000")
        #expect(try bundle.apus("kill", bundle.id, "0").description == Outcome.silent)
        #expect(try bundle.status == "running")
        try bundle.apus("kill", bundle.id, "KILL")
        try bundle.waitUntilStopped()
        #expect(try bundle.apus("kill", bundle.id, "0").status == 1)
      }
    }

    @Test(arguments: ["NOPE", "0x9", "65", "-1", "9 ", "", "SIG", "RTMIN+40"])
    func aSignalThatIsNoneIsRefused(_ name: String) throws {
      try withBundle { bundle throws in
        try bundle.launch("sleep", "1000")
        let kill = try bundle.apus("kill", bundle.id, "--", name)
        #expect(kill.status == 1)
        #expect(kill.errors.hasPrefix("apus: kill: "))
        #expect(try bundle.status == "running")
      }
    }

    @Test func aRealTimeSignalHasANameByItsDistance() throws {
      try withBundle { bundle throws in
        // SIGRTMIN is 34 to programs; without a handler the process ends.
        bundle.namespace("pid")
        bundle.arguments = ["sleep", "1000"]
        try bundle.writeConfig()
        let run = try bundle.begin(["run", "-b", bundle.directory, bundle.id])
        try #require(try waitUntil { try bundle.apus("state", bundle.id).output.contains("\"running\"") })
        #expect(try bundle.apus("kill", bundle.id, "RTMIN+3").status == 0)
        #expect(try run.finish().status == 128 + 37)
      }
    }

    @Test func aCreatedContainerCanBeKilled() throws {
      try withBundle { bundle throws in
        try bundle.create()
        #expect(try bundle.apus("kill", bundle.id, "KILL").status == 0)
        try bundle.waitUntilStopped()
        #expect(try bundle.apus("delete", bundle.id).status == 0)
      }
    }

    @Test func withoutAllOnlyTheContainersProcessGetsTheSignal() throws {
      try withBundle { bundle throws in
        bundle.namespace("pid")
        try bundle.launch("sh", "-c", "sleep 1000 & echo $! > /child; exec sleep 1000")
        try #require(waitUntil { (try? Files.read(bundle.rootfs + "/child"))?.hasSuffix("\n") ?? false })
        let child = try #require(Int(try Files.read(bundle.rootfs + "/child").dropLast()))
        #expect(try bundle.apus("kill", bundle.id, "KILL").status == 0)
        try bundle.waitUntilStopped()
        #expect(Processes.isAlive(child))
        #expect(try bundle.apus("kill", "--all", bundle.id, "KILL").status == 0)
        #expect(waitUntil { !Processes.isAlive(child) })
      }
    }

    @Test func withAllEveryProcessGetsTheSignal() throws {
      try withBundle { bundle throws in
        bundle.namespace("pid")
        try bundle.launch("sh", "-c", "setsid sleep 1000 & setsid sleep 1000 & touch /ready; exec sleep 1000")
        try #require(waitUntil { Files.exists(bundle.rootfs + "/ready") })
        #expect(try bundle.apus("kill", "-a", bundle.id, "KILL").status == 0)
        #expect(
          waitUntil {
            Children.shared.reapOrphans()
            return Processes.marked(bundle.marker).isEmpty
          })
      }
    }
  }
}

import Foundation
import Testing

extension Integration {
  /// `wait`: how containers end.
  @Suite struct Wait {
    @Test func theStatusOfOneThatHasEnded() throws {
      try withBundle { bundle throws in
        try bundle.launch("sh", "-c", "exit 7")
        try bundle.waitUntilStopped()
        // Unless a test beside this one has reaped it: who holds nothing of a process cannot ask it any more.
        #expect(["7", "unknown"].contains(try bundle.apus("wait", bundle.id).line))
      }
    }

    @Test(arguments: ["text", "json"])
    func itLastsUntilTheEnd(_ format: String) throws {
      try withBundle { bundle throws in
        try bundle.launch("sleep", "1000")
        let wait = try bundle.begin(["wait", "--format", format, bundle.id])
        try #require(waitUntil { Wait.holdsProcess(wait) })
        #expect(!wait.hasEnded)
        #expect(try bundle.apus("kill", bundle.id, "KILL").status == 0)
        let outcome = try wait.finish()
        #expect(outcome.status == 0 && outcome.errors == "", "\(outcome)")
        if format == "text" {
          #expect(outcome.line == "137")
        } else {
          #expect(outcome.line == "{\"id\":\"\(bundle.id)\",\"exitStatus\":137,\"signal\":9}")
        }
      }
    }

    @Test func itLastsUntilTheEndOfOneThatIsNotStarted() throws {
      try withBundle { bundle throws in
        bundle.arguments = ["sh", "-c", "exit 3"]
        try bundle.create()
        let wait = try bundle.begin(["wait", bundle.id])
        try #require(waitUntil { Wait.holdsProcess(wait) })
        try bundle.start()
        #expect(try wait.finish().line == "3")
      }
    }

    @Test func severalMayWait() throws {
      try withBundle { bundle throws in
        try bundle.launch("sh", "-c", "trap 'exit 9' TERM; touch /ready; while true; do sleep 1000 & wait; done")
        try #require(waitUntil { Files.exists(bundle.rootfs + "/ready") })
        let waits = try (0..<3).map { _ in try bundle.begin(["wait", "-f", "json", bundle.id]) }
        try #require(waitUntil { waits.allSatisfy(Wait.holdsProcess) })
        #expect(try bundle.apus("kill", bundle.id).status == 0)
        for wait in waits { #expect(try wait.finish().line == "{\"id\":\"\(bundle.id)\",\"exitStatus\":9}") }
      }
    }

    @Test func whatSomebodyElseHasReapedIsNotKnown() throws {
      try withBundle { bundle throws in
        try bundle.launch("true")
        try bundle.waitUntilStopped()
        Children.shared.reapOrphans()
        #expect(try bundle.apus("wait", bundle.id).line == "unknown")
        #expect(try bundle.apus("wait", "--format=json", bundle.id).line == "{\"id\":\"\(bundle.id)\"}")
      }
    }

    @Test func whatCannotBeWaitedFor() throws {
      try withBundle { bundle throws in
        bundle.expectRefused(try bundle.apus("wait", bundle.id), "wait", ["container does not exist"])
        bundle.expectRefused(try bundle.apus("wait", "--format", "xml", bundle.id), "wait", ["--format", "xml"])
        bundle.expectRefused(try bundle.apus("wait"), "wait", ["ID"])
        bundle.expectRefused(try bundle.apus("wait", "a/b"), "wait", ["no container id"])
      }
    }

    /// From then on it learns of the end, whoever reaps.
    private static func holdsProcess(_ wait: Command) -> Bool {
      Files.names("/proc/\(wait.pid)/fd").contains {
        Files.link("/proc/\(wait.pid)/fd/\($0)")?.contains("pidfd") ?? false
      }
    }
  }
}

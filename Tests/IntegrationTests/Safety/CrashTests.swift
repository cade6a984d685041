import Foundation
import Testing

extension Integration {
  /// A command that is killed at any moment leaves what `delete --force` removes completely.
  @Suite(.enabled(if: Machine.canTrace, "needs strace, and the right to trace"))
  struct Crashes {
    /// The n-th call of that name.
    struct Moment: CustomStringConvertible {
      var call: String
      var count: Int
      var description: String { "\(call)#\(count)" }
    }

    /// Every system call of a command, in order. Calls of which strace knows no name are left out.
    private static func moments(_ bundle: Bundle, _ arguments: [String]) throws -> [Moment] {
      let trace = bundle.workspace + "/trace"
      let outcome = try traced(bundle, ["-o", trace], arguments)
      try #require(outcome.status == 0, "\(outcome)")
      var counts: [String: Int] = [:]
      return try Files.read(trace).split(separator: "\n").compactMap { line in
        guard let end = line.firstIndex(of: "("), line.first?.isLetter == true else { return nil }
        let call = String(line[..<end])
        // Nothing has been done yet, and strace cannot be sure to be there in time.
        if call == "execve" || call.hasPrefix("syscall_") { return nil }
        counts[call, default: 0] += 1
        return Moment(call: call, count: counts[call]!)
      }
    }

    private static func traced(_ bundle: Bundle, _ options: [String], _ arguments: [String]) throws -> Outcome {
      try Command(
        ["strace", "-qq"] + options + [Machine.runtime, "--root", bundle.states] + arguments,
        environment: ["PATH=\(Machine.path)", bundle.marker], directory: bundle.workspace
      ).finish()
    }

    private static func kill(_ bundle: Bundle, at moment: Moment, _ arguments: [String]) throws -> Outcome {
      try traced(
        bundle,
        [
          "-o", "/dev/null", "-e", "trace=\(moment.call)", "-e",
          "inject=\(moment.call):signal=KILL:when=\(moment.count)",
        ], arguments)
    }

    /// Kills the command at each of its system calls, and looks each time that all of it can be removed and the id used again.
    private static func killEverywhere(_ bundle: Bundle, _ arguments: [String], prepare: () throws -> Void) throws {
      try bundle.writeConfig()
      try prepare()
      let moments = try moments(bundle, arguments)
      #expect(moments.count > 20)
      _ = try bundle.apus("delete", "--force", bundle.id)
      var killed = 0
      for moment in moments {
        try prepare()
        let outcome = try kill(bundle, at: moment, arguments)
        if outcome.status == 128 + 9 { killed += 1 }
        let delete = try bundle.apus("delete", "--force", bundle.id)
        #expect(delete.status == 0 && delete.errors == "", "killed at \(moment): \(delete)")
        bundle.expectNothingLeft()
        if bundle.ids != [] || Hierarchies.existing(bundle.cgroupsPath) != [] {
          throw TestError("killed at \(moment), the container is not removed")
        }
      }
      #expect(killed > moments.count * 9 / 10, "\(killed) of \(moments.count) were killed")
      try bundle.create()
      #expect(try bundle.status == "created")
    }

    @Test func aKilledCreateLeavesWhatCanBeRemoved() throws {
      try withBundle { bundle throws in
        bundle.config["linux"]["resources"] = ["memory": ["limit": 268_435_456], "pids": ["limit": 100]]
        try Crashes.killEverywhere(bundle, ["create", "--bundle", bundle.directory, bundle.id]) {}
      }
    }

    @Test func aKilledStartLeavesWhatCanBeRemoved() throws {
      try withBundle { bundle throws in
        bundle.arguments = ["sleep", "1000"]
        try Crashes.killEverywhere(bundle, ["start", bundle.id]) { try bundle.create() }
      }
    }

    @Test func aKilledDeleteLeavesWhatCanBeRemoved() throws {
      try withBundle { bundle throws in
        try Crashes.killEverywhere(bundle, ["delete", "--force", bundle.id]) { try bundle.create() }
      }
    }

    @Test func aKilledRunLeavesWhatCanBeRemoved() throws {
      try withBundle { bundle throws in
        try Crashes.killEverywhere(bundle, ["run", "--bundle", bundle.directory, bundle.id]) {}
      }
    }

    @Test func aCreatorThatIsKilledTakesItsContainerWithIt() throws {
      try withBundle { bundle throws in
        try bundle.writeConfig()
        // Before the container is written down as created, nobody could ever start it.
        let outcome = try Crashes.kill(
          bundle, at: Moment(call: "clone3", count: 1), ["create", "--bundle", bundle.directory, bundle.id])
        #expect(outcome.status == 128 + 9)
        #expect(
          waitUntil {
            Children.shared.reapOrphans()
            return Processes.marked(bundle.marker).isEmpty
          })
        #expect(try bundle.apus("delete", "--force", bundle.id).status == 0)
      }
    }
  }
}

import Foundation
import Testing

extension Integration {
  /// `run`: create, start, wait and delete in one.
  @Suite struct Run {
    @Test(arguments: [0, 1, 42, 126, 127, 255])
    func theStatusIsThatOfTheProcess(_ status: Int32) throws {
      try withBundle { bundle throws in
        bundle.arguments = ["sh", "-c", "exit \(status)"]
        let run = try bundle.run()
        #expect(run.status == status)
        bundle.expectNothingLeft()
      }
    }

    @Test(arguments: [(9, "KILL"), (15, "TERM"), (10, "USR1"), (6, "ABRT")] as [(Int32, String)])
    func theStatusIs128AndTheSignalThatEndedTheProcess(_ number: Int32, _ name: String) throws {
      try withBundle { bundle throws in
        // Init of a pid namespace ignores what it has no handler for.
        bundle.namespace("pid")
        bundle.arguments = ["sh", "-c", "kill -\(name) $$; sleep 1000"]
        let run = try bundle.run()
        #expect(run.status == 128 + number)
        bundle.expectNothingLeft()
      }
    }

    @Test(arguments: [[], ["--detach"]])
    func withoutAProcessThereIsNothingToRun(_ flags: [String]) throws {
      try withBundle { bundle throws in
        bundle.config["process"] = nil
        try bundle.writeConfig()
        let run = try bundle.begin(["run", "-b", bundle.directory] + flags + [bundle.id]).finish()
        bundle.expectRefused(run, "run", ["config.json: process: missing"])
      }
    }

    @Test func outputAndErrorsAreThoseOfTheProcess() throws {
      try withBundle { bundle throws in
        bundle.arguments = ["sh", "-c", "echo out; echo error >&2"]
        let run = try bundle.run()
        #expect(run.output == "out\n")
        #expect(run.errors == "error\n")
      }
    }

    @Test func standardInputReachesTheProcess() throws {
      try withBundle { bundle throws in
        let input = try Scratch.file()
        defer { close(input) }
        try Files.write(Array("one\ntwo\n".utf8), to: input)
        lseek(input, 0, SEEK_SET)
        bundle.arguments = ["cat"]
        #expect(try bundle.run(input: input).output == "one\ntwo\n")
      }
    }

    @Test func theEndOfAPipedInputReachesTheProcess() throws {
      try withBundle { bundle throws in
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        _ = fcntl(ends[1], F_SETFD, FD_CLOEXEC)
        _ = fcntl(ends[0], F_SETFD, FD_CLOEXEC)
        defer { close(ends[0]) }
        bundle.arguments = ["wc", "-c"]
        try bundle.writeConfig()
        let run = try bundle.begin(["run", "-b", bundle.directory, bundle.id], input: ends[0])
        let megabyte = [UInt8](repeating: 65, count: 1 << 20)
        try Files.write(megabyte, to: ends[1])
        close(ends[1])
        #expect(try run.finish().line == "1048576")
      }
    }

    @Test func aSignalToRunReachesTheProcess() throws {
      try withBundle { bundle throws in
        bundle.arguments = ["sh", "-c", "trap 'exit 7' TERM; touch /ready; while true; do sleep 1000 & wait; done"]
        try bundle.writeConfig()
        let run = try bundle.begin(["run", "-b", bundle.directory, bundle.id])
        try #require(waitUntil { Files.exists(bundle.rootfs + "/ready") })
        kill(run.pid, SIGTERM)
        #expect(try run.finish().status == 7)
        bundle.expectNothingLeft()
      }
    }

    @Test func aRunningContainerCanBeAskedForAndKilled() throws {
      try withBundle { bundle throws in
        bundle.arguments = ["sh", "-c", "touch /ready; exec sleep 1000"]
        try bundle.writeConfig()
        let run = try bundle.begin(["run", "-b", bundle.directory, bundle.id])
        try #require(waitUntil { Files.exists(bundle.rootfs + "/ready") })
        #expect(try bundle.status == "running")
        #expect(try bundle.apus("kill", bundle.id, "KILL").status == 0)
        #expect(try run.finish().status == 137)
        bundle.expectNothingLeft()
      }
    }

    /// The command that stays with it keeps nobody else from working on it.
    @Test func anAttachedContainerCanBeChanged() throws {
      try withBundle { bundle throws in
        bundle.arguments = ["sh", "-c", "touch /ready; exec sleep 1000"]
        try bundle.writeConfig()
        let run = try bundle.begin(["run", "--keep", "-b", bundle.directory, bundle.id])
        try #require(waitUntil { Files.exists(bundle.rootfs + "/ready") })
        for (command, operands) in [("update", []), ("exec", ["true"]), ("kill", ["KILL"])] {
          let outcome = try bundle.begin([command, bundle.id] + operands).finish()
          #expect(outcome.description == Outcome.silent, "\(command)")
        }
        #expect(try run.finish().status == 137)
        #expect(try bundle.apus("delete", bundle.id).status == 0)
      }
    }

    @Test(arguments: ["-d", "--detach"])
    func detachedTheContainerGoesOn(_ flag: String) throws {
      try withBundle { bundle throws in
        bundle.arguments = ["sleep", "1000"]
        let run = try bundle.run(flag)
        #expect(run.status == 0, "\(run)")
        #expect(try bundle.status == "running")
        #expect(Processes.status(try bundle.pid(), "PPid") == String(getpid()))
      }
    }

    @Test func keptTheContainerIsStoppedAndThere() throws {
      try withBundle { bundle throws in
        bundle.arguments = ["sh", "-c", "exit 3"]
        let run = try bundle.run("--keep")
        #expect(run.status == 3)
        #expect(try bundle.status == "stopped")
        #expect(try bundle.apus("delete", bundle.id).status == 0)
        bundle.expectNothingLeft()
      }
    }

    @Test func orphansOfTheContainerAreReaped() throws {
      try withBundle { bundle throws in
        // In the host's pid namespace the orphan's parent becomes the runtime; the program waits until it is reaped.
        bundle.namespace("pid")
        bundle.arguments = [
          "sh", "-c",
          """
          (sh -c 'echo $$ > /orphan.new; mv /orphan.new /orphan' &)
          until test -e /orphan; do :; done
          while test -e /proc/$(cat /orphan); do :; done
          """,
        ]
        let run = try bundle.run()
        #expect(run.status == 0, "\(run)")
      }
    }

    @Test func thePidFileIsWrittenBeforeTheProgramRuns() throws {
      try withBundle { bundle throws in
        let file = bundle.workspace + "/pid"
        bundle.mount("/work", type: "none", from: bundle.workspace, "bind")
        bundle.namespace("pid")
        bundle.arguments = ["sh", "-c", "echo $$; cat /work/pid"]
        let lines = try bundle.run("--pid-file", file).lines
        try #require(lines.count == 2)
        #expect(lines[0] == lines[1])
      }
    }

    @Test func aFailingRunLeavesNothing() throws {
      try withBundle { bundle throws in
        bundle.arguments = ["nothing-of-that-name"]
        let run = try bundle.run()
        #expect(run.status == 1)
        #expect(run.errors.hasPrefix("apus: run: "))
        bundle.expectNothingLeft()
      }
    }

    @Test func runOfAnIdInUseIsRefused() throws {
      try withBundle { bundle throws in
        try bundle.launch("sleep", "1000")
        let run = try bundle.run()
        #expect(run.status == 1)
        #expect(run.errors.contains("already exists"))
        #expect(try bundle.status == "running")
      }
    }
  }
}

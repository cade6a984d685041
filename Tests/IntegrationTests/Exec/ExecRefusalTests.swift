import Foundation
import Testing

extension Integration.Exec {
  /// What cannot be done is told in one line, with status 255, and leaves nothing.
  @Suite struct Refusals {
    @Test(arguments: [
      (["--user", "1x"], "1x"), (["--user", ""], "--user"), (["-u", "-1"], "-1"), (["-u", "0x0"], "0x0"),
      (["-u", "4294967295"], "4294967295"), (["-u", "1:"], "--user"), (["-u", "1:x"], "\"x\""),
      (["-u", " 1"], "\" 1\""),
      (["-u", "somebody"], "somebody"),
      (["-g", "x"], "additional-gids"), (["-e", "NOVALUE"], "NOVALUE"), (["-e", "=x"], "=x"),
      (["--cwd", "tmp"], "tmp"),
      (["--cap", "CAP_NOPE"], "CAP_NOPE"), (["--preserve-fds", "x"], "preserve-fds"),
      (["--preserve-fds", "9"], "descriptor"),
      (["--tty=maybe"], "maybe"), (["--cwd", "/nowhere"], "/nowhere"), (["--cwd", "/etc/passwd"], "/etc/passwd"),
      (["--pid-file", "/nowhere/pid"], "--pid-file"), (["--pidfd-socket", "/nowhere"], "--pidfd-socket"),
      (["--console-socket", "/nowhere"], "--console-socket"), (["--tty", "--console-socket", "/nowhere"], "/nowhere"),
      (["--tty", "--detach"], "--console-socket"), (["--process", "/nowhere"], "/nowhere"), (["--nope"], "--nope"),
      (["--detach", "--pid-file", "/nowhere/pid"], "--pid-file"), (["--process"], "--process"),
    ])
    func wrongOptions(_ flags: [String], _ word: String) throws {
      try withBundle { bundle throws in
        try bundle.launchSleeper(terminals: true)
        // The option that lacks its argument must not find one.
        let outcome = flags == ["--process"] ? try bundle.apus("exec", "--process") : try bundle.exec(flags, "true")
        bundle.expectExecRefused(outcome, [word])
        #expect(waitUntil { Processes.marked(bundle.marker).count == 1 })
      }
    }

    @Test(arguments: [
      ("", "process.json"), ("{", "process.json:1"), ("[]", "process.json:1"), ("{\"cwd\": 1}", "cwd"),
      ("{\"cwd\": \"/\"}", "process.args"), ("{\"args\": [\"true\"]}", "cwd"),
      ("{\"cwd\": \"/\", \"args\": [\"true\"], \"rlimits\": [{\"type\": \"NOPE\", \"soft\": 1, \"hard\": 1}]}", "NOPE"),
      ("{\"cwd\": \"/\", \"args\": [\"true\"], \"user\": {\"uid\": -1}}", "user.uid"),
      ("{\"cwd\": \"/\", \"args\": [\"true\"], \"execCPUAffinity\": {\"final\": \"4096-\"}}", "execCPUAffinity"),
      ("{\"cwd\": \"/\", \"args\": [\"true\"], \"terminal\": \"yes\"}", "terminal"),
    ])
    func brokenDocuments(_ document: String, _ word: String) throws {
      try withBundle { bundle throws in
        try bundle.launchSleeper()
        let path = bundle.workspace + "/process.json"
        try Files.write(document, to: path)
        bundle.expectExecRefused(try bundle.exec(["--process", path]), [word])
        #expect(waitUntil { Processes.marked(bundle.marker).count == 1 })
      }
    }

    @Test func twoPrograms() throws {
      try withBundle { bundle throws in
        try bundle.launchSleeper()
        let path = bundle.workspace + "/process.json"
        try Files.write("{\"cwd\": \"/\", \"args\": [\"true\"]}", to: path)
        bundle.expectExecRefused(try bundle.exec(["--process", path], "true"), ["--process", "command"])
      }
    }

    @Test func noProgram() throws {
      try withBundle { bundle throws in
        try bundle.launchSleeper()
        bundle.expectExecRefused(try bundle.exec([]), ["process.args"])
        bundle.expectExecRefused(try bundle.apus("exec"), ["ID"])
      }
    }

    @Test(arguments: [
      ("nope", "executable file not found in $PATH"), ("/bin/nope", "no such file or directory"),
      ("/etc/passwd", "permission denied"), ("/etc", "permission denied"),
    ])
    func programsThatCannotBeRun(_ program: String, _ reason: String) throws {
      try withBundle { bundle throws in
        try bundle.launchSleeper()
        let file = bundle.workspace + "/pid"
        for flags in [[], ["--detach", "--pid-file", file]] {
          bundle.expectExecRefused(try bundle.exec(flags, program), [program, reason])
          #expect(!Files.exists(file))
        }
      }
    }

    @Test func aFileThatIsNoProgramIsRefused() throws {
      try withBundle { bundle throws in
        try Files.write("\u{1}\u{2}\u{3}", to: bundle.rootfs + "/bin/garbage", mode: 0o755)
        try bundle.launchSleeper()
        let file = bundle.workspace + "/pid"
        bundle.expectExecRefused(
          try bundle.exec(["--detach", "--pid-file", file], "garbage"), ["garbage", "Exec format"])
        #expect(!Files.exists(file), "the pid file of a process that never came to be")
      }
    }

    @Test func containersThatCannotBeJoined() throws {
      try withBundle { bundle throws in
        bundle.expectExecRefused(try bundle.exec([], "true"), ["container does not exist"])
        bundle.expectExecRefused(try bundle.apus("exec", "../x", "true"), ["no container id"])
        try bundle.launch("true")
        try bundle.waitUntilStopped()
        bundle.expectExecRefused(try bundle.exec([], "true"), ["container not running"])
        #expect(try bundle.apus("delete", bundle.id).status == 0)
        bundle.expectExecRefused(try bundle.exec([], "true"), ["container does not exist"])
      }
    }

    @Test(arguments: ["file", "deaf"])
    func aConsoleSocketNobodyListensOn(_ kind: String) throws {
      try withBundle { bundle throws in
        try bundle.launchSleeper(terminals: true)
        let path = bundle.workspace + "/console"
        if kind == "file" { try Files.write("", to: path) }
        // The file stays when the listener goes.
        if kind == "deaf" { _ = try Listener(path) }
        bundle.expectExecRefused(
          try bundle.exec(["-t", "--console-socket", path], "true"), [path, "Connection refused"])
      }
    }

    @Test(arguments: [["-t", "--console-socket"], ["--pidfd-socket"]])
    func aSocketThatClosesHalfWay(_ flags: [String]) throws {
      try withBundle { bundle throws in
        try bundle.launchSleeper(terminals: true)
        // The peer hangs up on everybody, before or after it has got what is sent: nobody then has the terminal.
        let listener = try Listener(bundle.workspace + "/socket")
        let command = try bundle.begin(["exec"] + flags + [listener.path, bundle.id, "sh", "-c", "sleep 1000; true"])
        listener.hangUp()
        if flags.contains("-t") {
          let outcome = try command.finish()
          #expect(outcome.status == 255 || outcome.status == 129, "\(outcome)")
          #expect(outcome.errors.filter { $0 == "\n" }.count <= 1, "\(outcome)")
        } else {
          // What was sent to the peer is its own affair.
          #expect(try bundle.apus("kill", "--all", bundle.id, "KILL").status == 0)
          #expect(try [137, 255].contains(command.finish().status))
        }
        let isAlone = waitUntil {
          Children.shared.reapOrphans()
          return Processes.marked(bundle.marker).count <= 1
        }
        #expect(isAlone)
      }
    }

    @Test func aContainerWithoutATerminalMultiplexer() throws {
      try withBundle { bundle throws in
        try bundle.launchSleeper()
        try? FileManager.default.removeItem(atPath: bundle.rootfs + "/dev/ptmx")
        bundle.expectExecRefused(try bundle.exec(["-t"], "true"), ["terminal", "/dev/ptmx"])
      }
    }

    @Test func theMultiplexerMustBeOne() throws {
      try withBundle { bundle throws in
        // What the container puts there must not be taken for a terminal.
        try bundle.launchSleeper()
        _ = try bundle.execOutput(of: "rm -f /dev/ptmx; ln -s /proc/1/root/etc/passwd /dev/ptmx")
        bundle.expectExecRefused(try bundle.exec(["-t"], "true"), ["terminal"])
        _ = try bundle.execOutput(of: "rm -f /dev/ptmx; echo > /dev/ptmx")
        bundle.expectExecRefused(try bundle.exec(["-t"], "true"), ["terminal multiplexer"])
      }
    }

    @Test func aFullContainerIsToldOf() throws {
      try withBundle { bundle throws in
        bundle.config["linux"]["resources"] = ["memory": ["limit": 4_194_304, "swap": 4_194_304]]
        try bundle.launchSleeper()
        // The limit is felt by the program, whose end is told as that of any other.
        let outcome = try bundle.exec([], "sh", "-c", "x=$(dd if=/dev/zero bs=1M count=64 | tr '\\0' x)")
        #expect(outcome.status == 137 || outcome.status == 1 || outcome.status == 2, "\(outcome)")
        #expect(try bundle.status == "running")
      }
    }

    @Test func whereNoProcessMayBeMadeOneCanStillJoin() throws {
      try withBundle { bundle throws in
        bundle.config["linux"]["resources"] = ["pids": ["limit": 1]]
        try bundle.launchSleeper()
        let outcome = try bundle.exec([], "true")
        // cgroup v1 lets in whom it would not let be born; v2 does not.
        if outcome.status != 0 { bundle.expectExecRefused(outcome, ["pids limit"]) }
        #expect(waitUntil { Processes.marked(bundle.marker).count == 1 })
      }
    }

    @Test func aWorkingDirectoryOutsideIsRefused() throws {
      // CVE-2024-21626: through a descriptor of the caller's.
      try withBundle { bundle throws in
        try bundle.launchSleeper()
        let directory = try Files.open("/", O_RDONLY | O_DIRECTORY)
        defer { close(directory) }
        for number in 3...9 {
          let outcome = try bundle.exec(["--cwd", "/proc/self/fd/\(number)"], "pwd", descriptors: [directory])
          bundle.expectExecRefused(outcome, ["process.cwd"])
        }
        let kept = try bundle.exec(
          ["--preserve-fds", "1", "--cwd", "/proc/self/fd/3"], "pwd", descriptors: [directory])
        bundle.expectExecRefused(kept, ["leads out of"])
      }
    }

    @Test(.enabled(if: Machine.canTrace, "needs strace, and the right to trace"))
    func aKilledCommandLeavesNoProcess() throws {
      try withBundle { bundle throws in
        try bundle.launchSleeper()
        for (call, count) in [("clone3", 1), ("sendmsg", 1), ("recvmsg", 1), ("sendmsg", 2), ("recvmsg", 2)] {
          let outcome = try Command(
            [
              "strace", "-qq", "-o", "/dev/null", "-e", "trace=\(call)", "-e",
              "inject=\(call):signal=KILL:when=\(count)", Machine.runtime, "--root", bundle.states, "exec", bundle.id,
              "true",
            ], environment: ["PATH=\(Machine.path)", bundle.marker], directory: bundle.workspace
          ).finish()
          #expect(outcome.status == 137, "\(call)#\(count): \(outcome)")
          let isAlone = waitUntil {
            Children.shared.reapOrphans()
            return Processes.marked(bundle.marker).count == 1
          }
          #expect(isAlone, "killed at \(call)#\(count)")
        }
      }
    }
  }
}

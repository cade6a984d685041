import Foundation
import Testing

extension Integration {
  /// Containers with a terminal: attached to ours, or sent to whoever asked for it.
  @Suite struct Terminals {
    private static func withTerminal(_ body: (Bundle) throws -> Void) throws {
      try withBundle { bundle throws in
        bundle.config["process"]["terminal"] = true
        bundle.mount("/dev", type: "tmpfs", from: "tmpfs", "mode=755")
        bundle.mount("/dev/pts", type: "devpts", from: "devpts", "newinstance", "ptmxmode=0666", "mode=0620")
        try body(bundle)
      }
    }

    /// `run` at a terminal of its own.
    private static func run(_ bundle: Bundle, _ terminal: PseudoTerminal, _ script: String) throws -> Command {
      bundle.arguments = ["sh", "-c", script]
      try bundle.writeConfig()
      return try bundle.begin(["run", "-b", bundle.directory, bundle.id], terminal: terminal.slave)
    }

    /// `create`, with the terminal sent to a socket.
    private static func create(_ bundle: Bundle) throws -> PseudoTerminal {
      let listener = try Listener(bundle.workspace + "/console")
      let create = try bundle.tryCreate(["--console-socket", listener.path])
      try #require(create.status == 0, "\(create)")
      return PseudoTerminal(master: try #require(listener.receive(), "no descriptor came"))
    }

    // MARK: attached

    @Test func theStandardStreamsAreTheContainersTerminal() throws {
      try Terminals.withTerminal { bundle throws in
        let terminal = try PseudoTerminal()
        let run = try Terminals.run(bundle, terminal, "test -t 0 && test -t 1 && test -t 2 && tty; exit 5")
        #expect(terminal.shows("/dev/pts/0\n"))
        #expect(try run.finish().status == 5)
      }
    }

    @Test func whatIsTypedArrives() throws {
      try Terminals.withTerminal { bundle throws in
        let terminal = try PseudoTerminal()
        let run = try Terminals.run(bundle, terminal, "echo ready; read -r line; echo \"got <$line>\"")
        #expect(terminal.shows("ready\n"))
        try terminal.type("hello\r")
        #expect(terminal.shows("got <hello>\n"))
        #expect(try run.finish().status == 0)
      }
    }

    @Test func controlCInterruptsTheContainersProcess() throws {
      try Terminals.withTerminal { bundle throws in
        let terminal = try PseudoTerminal()
        let run = try Terminals.run(bundle, terminal, "trap 'echo interrupted; exit 9' INT; echo ready; read -r line")
        #expect(terminal.shows("ready\n"))
        try terminal.type("\u{3}")
        #expect(terminal.shows("interrupted\n"))
        #expect(try run.finish().status == 9)
      }
    }

    @Test func theSizeIsThatOfOurTerminal() throws {
      try Terminals.withTerminal { bundle throws in
        let terminal = try PseudoTerminal()
        terminal.resize(rows: 33, columns: 77)
        let run = try Terminals.run(bundle, terminal, "stty size")
        #expect(terminal.shows("33 77\n"))
        #expect(try run.finish().status == 0)
      }
    }

    @Test func aChangedSizeIsPassedOn() throws {
      try Terminals.withTerminal { bundle throws in
        let terminal = try PseudoTerminal()
        let run = try Terminals.run(
          bundle, terminal, "trap 'stty size; exit 0' WINCH; echo ready; while true; do sleep 1000 & wait; done")
        #expect(terminal.shows("ready\n"))
        terminal.resize(rows: 44, columns: 55)
        kill(run.pid, SIGWINCH)
        #expect(terminal.shows("44 55\n"))
        #expect(try run.finish().status == 0)
      }
    }

    @Test func ourTerminalIsLeftAsItWas() throws {
      try Terminals.withTerminal { bundle throws in
        let terminal = try PseudoTerminal()
        let before = terminal.modes
        let run = try Terminals.run(bundle, terminal, "echo ready; read -r line")
        #expect(terminal.shows("ready\n"))
        #expect(terminal.modes != before, "raw while the container has the terminal")
        try terminal.type("\r")
        #expect(try run.finish().status == 0)
        #expect(terminal.modes == before)
      }
    }

    @Test func aMegabyteOfOutputArrivesWhole() throws {
      try Terminals.withTerminal { bundle throws in
        let terminal = try PseudoTerminal()
        let run = try Terminals.run(bundle, terminal, "seq 1 100000; echo end")
        #expect(terminal.shows("99999\n100000\nend\n"))
        #expect(terminal.seen.split(separator: "\n").count == 100_001)
        #expect(try run.finish().status == 0)
      }
    }

    @Test func aTerminalIsRelayedWhenOursIsNone() throws {
      try Terminals.withTerminal { bundle throws in
        bundle.arguments = ["sh", "-c", "test -t 1 && echo yes"]
        let run = try bundle.run()
        #expect(run.output == "yes\r\n", "\(run)")
      }
    }

    @Test func withoutATerminalThereIsNone() throws {
      try withBundle { bundle throws in
        try bundle.expect("test -t 1 || echo none; tty 2>/dev/null || true", prints: "none\nnot a tty")
      }
    }

    // MARK: sent

    @Test func theTerminalIsSentToTheConsoleSocket() throws {
      try Terminals.withTerminal { bundle throws in
        bundle.arguments = ["sh", "-c", "tty; read -r line; echo \"got <$line>\"; exec sleep 1000"]
        let terminal = try Terminals.create(bundle)
        try bundle.start()
        #expect(terminal.shows("/dev/pts/0\n"))
        try terminal.type("hello\n")
        #expect(terminal.shows("got <hello>\n"))
      }
    }

    @Test func theTerminalHasTheSizeOfTheConfiguration() throws {
      try Terminals.withTerminal { bundle throws in
        bundle.config["process"]["consoleSize"] = ["height": 25, "width": 132]
        bundle.arguments = ["sh", "-c", "stty size; exec sleep 1000"]
        let terminal = try Terminals.create(bundle)
        try bundle.start()
        #expect(terminal.shows("25 132\n"))
      }
    }

    @Test func theTerminalControlsTheSession() throws {
      try Terminals.withTerminal { bundle throws in
        bundle.arguments = ["sh", "-c", "echo through tty > /dev/tty; exec sleep 1000"]
        let terminal = try Terminals.create(bundle)
        try bundle.start()
        #expect(terminal.shows("through tty\n"))
      }
    }

    @Test func devConsoleIsTheTerminal() throws {
      try Terminals.withTerminal { bundle throws in
        bundle.arguments = [
          "sh", "-c", "echo through console > /dev/console; stat -c %t:%T /dev/console; exec sleep 1000",
        ]
        let terminal = try Terminals.create(bundle)
        try bundle.start()
        #expect(terminal.shows("through console\n88:0\n"))
      }
    }

    @Test func theTerminalBelongsToTheUser() throws {
      try Terminals.withTerminal { bundle throws in
        bundle.config["process"]["user"] = ["uid": 1000, "gid": 1000]
        bundle.arguments = ["sh", "-c", "stat -c %u $(tty); exec sleep 1000"]
        let terminal = try Terminals.create(bundle)
        try bundle.start()
        #expect(terminal.shows("1000\n"))
      }
    }

    @Test func runDetachedSendsTheTerminal() throws {
      try Terminals.withTerminal { bundle throws in
        bundle.arguments = ["sh", "-c", "echo here; exec sleep 1000"]
        let listener = try Listener(bundle.workspace + "/console")
        let run = try bundle.run("--detach", "--console-socket", listener.path)
        #expect(run.status == 0, "\(run)")
        let terminal = PseudoTerminal(master: try #require(listener.receive()))
        #expect(terminal.shows("here\n"))
      }
    }

    // MARK: refused

    @Test func aTerminalThatNobodyGetsIsRefused() throws {
      try Terminals.withTerminal { bundle throws in
        bundle.expectRefused(try bundle.tryCreate(), "create", ["terminal", "--console-socket"])
      }
    }

    @Test func aConsoleSocketWithoutATerminalIsRefused() throws {
      try withBundle { bundle throws in
        let listener = try Listener(bundle.workspace + "/console")
        bundle.expectRefused(
          try bundle.tryCreate(["--console-socket", listener.path]), "create", ["--console-socket", "terminal"])
      }
    }

    @Test(arguments: ["missing", "file", "deaf"])
    func aConsoleSocketNobodyListensOnIsRefused(_ kind: String) throws {
      try Terminals.withTerminal { bundle throws in
        let path = bundle.workspace + "/console"
        if kind == "file" { try Files.write("", to: path) }
        // The file stays when the listener goes.
        if kind == "deaf" { _ = try Listener(path) }
        let reason = kind == "missing" ? "no such file or directory" : "connection refused"
        bundle.expectRefused(
          try bundle.tryCreate(["--console-socket", path]), "create", ["--console-socket", path, reason])
      }
    }

    @Test func aConsolePathTooLongForASocketIsRefused() throws {
      try Terminals.withTerminal { bundle throws in
        let path = bundle.workspace + "/" + String(repeating: "s", count: 200)
        bundle.expectRefused(try bundle.tryCreate(["--console-socket", path]), "create", ["--console-socket"])
      }
    }

    @Test func aSymlinkInTheImageDoesNotLeadTheConsoleOut() throws {
      // CVE-2025-52565: the image's /dev/console is a link to a file outside.
      try withBundle { bundle throws in
        bundle.config["process"]["terminal"] = true
        let target = bundle.workspace + "/target"
        try Files.write("untouched", to: target)
        try Files.makeLink(bundle.rootfs + "/dev/console", to: target)
        bundle.mount("/dev/pts", type: "devpts", from: "devpts", "newinstance", "ptmxmode=0666")
        let listener = try Listener(bundle.workspace + "/console")
        bundle.expectRefused(
          try bundle.tryCreate(["--console-socket", listener.path]), "create", ["/dev/console"])
        #expect(try Files.read(target) == "untouched")
      }
    }
  }
}

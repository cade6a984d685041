import Foundation
import Testing

extension Integration.Exec {
  /// Programs with a terminal: attached to ours, or sent to whoever asked for it.
  @Suite struct Terminals {
    private static func begin(_ bundle: Bundle, _ terminal: PseudoTerminal, _ script: String) throws -> Command {
      try bundle.launchSleeper(terminals: true)
      return try bundle.begin(["exec", "-t", bundle.id, "sh", "-c", script], terminal: terminal.slave)
    }

    @Test func theStandardStreamsAreATerminalOfTheContainer() throws {
      try withBundle { bundle throws in
        let terminal = try PseudoTerminal()
        let exec = try Terminals.begin(bundle, terminal, "test -t 0 && test -t 1 && test -t 2 && tty; exit 5")
        #expect(terminal.shows("/dev/pts/0\n"))
        #expect(try exec.finish().status == 5)
      }
    }

    @Test(arguments: [false, true]) func theContainersProcIsNotAsked(_ isFake: Bool) throws {
      try withBundle { bundle throws in
        bundle.config["mounts"] = []
        if isFake {
          bundle.mount("/proc/self/fd", type: "tmpfs", from: "tmpfs", "tmpcopyup")
          try Files.makeDirectory(bundle.rootfs + "/proc/self")
          try Files.makeDirectory(bundle.rootfs + "/proc/self/fd")
          for number in 3..<30 { try Files.makeLink(bundle.rootfs + "/proc/self/fd/\(number)", to: "/dev/null") }
        }
        let terminal = try PseudoTerminal()
        let exec = try Terminals.begin(bundle, terminal, "test -t 0 && tty")
        #expect(terminal.shows("/dev/pts/0\n"))
        #expect(try exec.finish().status == 0)
      }
    }

    @Test func whatIsTypedArrives() throws {
      try withBundle { bundle throws in
        let terminal = try PseudoTerminal()
        let exec = try Terminals.begin(bundle, terminal, "echo ready; read -r line; echo \"got <$line>\" > /dev/tty")
        #expect(terminal.shows("ready\n"))
        try terminal.type("hello\r")
        #expect(terminal.shows("got <hello>\n"))
        #expect(try exec.finish().status == 0)
      }
    }

    @Test func controlCInterruptsTheProgram() throws {
      try withBundle { bundle throws in
        let terminal = try PseudoTerminal()
        let exec = try Terminals.begin(
          bundle, terminal, "trap 'echo interrupted; exit 9' INT; echo ready; read -r line")
        #expect(terminal.shows("ready\n"))
        try terminal.type("\u{3}")
        #expect(terminal.shows("interrupted\n"))
        #expect(try exec.finish().status == 9)
      }
    }

    @Test func theSizeFollowsOurTerminal() throws {
      try withBundle { bundle throws in
        let terminal = try PseudoTerminal()
        terminal.resize(rows: 33, columns: 77)
        let exec = try Terminals.begin(
          bundle, terminal,
          "trap 'stty size; exit 0' WINCH; stty size; echo ready; while true; do sleep 1000 & wait; done")
        #expect(terminal.shows("33 77\nready\n"))
        terminal.resize(rows: 44, columns: 55)
        kill(exec.pid, SIGWINCH)
        #expect(terminal.shows("44 55\n"))
        #expect(try exec.finish().status == 0)
      }
    }

    @Test func ourTerminalIsLeftAsItWasWhenTheProgramIsKilled() throws {
      try withBundle { bundle throws in
        let terminal = try PseudoTerminal()
        let before = terminal.modes
        let exec = try Terminals.begin(bundle, terminal, "echo ready; read -r line")
        #expect(terminal.shows("ready\n"))
        #expect(terminal.modes != before, "raw while the program has the terminal")
        #expect(try bundle.apus("kill", bundle.id, "KILL").status == 0)
        #expect(try exec.finish().status == 137)
        #expect(terminal.modes == before)
      }
    }

    @Test func aMegabyteOfOutputArrivesWhole() throws {
      try withBundle { bundle throws in
        let terminal = try PseudoTerminal()
        let exec = try Terminals.begin(bundle, terminal, "seq 1 100000; echo end")
        #expect(terminal.shows("99999\n100000\nend\n"))
        #expect(terminal.seen.split(separator: "\n").count == 100_001)
        #expect(try exec.finish().status == 0)
      }
    }

    @Test func aTerminalIsRelayedWhenOursIsNone() throws {
      try withBundle { bundle throws in
        try bundle.launchSleeper(terminals: true)
        for _ in 0..<20 {
          let exec = try bundle.exec(["--tty"], "sh", "-c", "test -t 1 && echo yes")
          #expect(exec.output == "yes\r\n", "\(exec)")
        }
      }
    }

    @Test(arguments: [[], ["--detach"]])
    func theTerminalIsSentToTheConsoleSocket(_ flags: [String]) throws {
      try withBundle { bundle throws in
        try bundle.launchSleeper(terminals: true)
        let listener = try Listener(bundle.workspace + "/console")
        let script = "tty; read -r line; echo \"got <$line>\"; exec sleep 1000"
        let exec = try bundle.begin(
          ["exec", "--tty", "--console-socket", listener.path] + flags + [bundle.id, "sh", "-c", script])
        let terminal = PseudoTerminal(master: try #require(listener.receive(), "no descriptor came"))
        #expect(terminal.shows("/dev/pts/0\n"))
        try terminal.type("hello\n")
        #expect(terminal.shows("got <hello>\n"))
        if flags.isEmpty { kill(exec.pid, SIGTERM) }
        let outcome = try exec.finish()
        #expect(outcome.status == (flags.isEmpty ? 143 : 0), "\(outcome)")
      }
    }

    @Test func aDocumentCanAskForATerminalOfASize() throws {
      try withBundle { bundle throws in
        try bundle.launchSleeper(terminals: true)
        let listener = try Listener(bundle.workspace + "/console")
        let outcome = try bundle.execDocument(["--detach", "--console-socket", listener.path]) {
          $0["terminal"] = true
          $0["consoleSize"] = ["height": 25, "width": 132]
          $0["args"] = ["sh", "-c", "stty size; exec sleep 1000"]
        }
        #expect(outcome.status == 0, "\(outcome)")
        let terminal = PseudoTerminal(master: try #require(listener.receive(), "no descriptor came"))
        #expect(terminal.shows("25 132\n"))
      }
    }

    @Test func theTerminalBelongsToTheUser() throws {
      try withBundle { bundle throws in
        let terminal = try PseudoTerminal()
        try bundle.launchSleeper(terminals: true)
        let exec = try bundle.begin(
          ["exec", "-t", "-u", "1000", bundle.id, "sh", "-c", "stat -c %u $(tty)"], terminal: terminal.slave)
        #expect(terminal.shows("1000\n"))
        #expect(try exec.finish().status == 0)
      }
    }

    @Test func theContainersOwnTerminalIsLeftAlone() throws {
      try withBundle { bundle throws in
        bundle.config["process"]["terminal"] = true
        bundle.mount("/dev", type: "tmpfs", from: "tmpfs", "mode=755")
        bundle.mount("/dev/pts", type: "devpts", from: "devpts", "newinstance", "ptmxmode=0666", "mode=0620")
        bundle.arguments = ["sleep", "1000"]
        let listener = try Listener(bundle.workspace + "/console")
        #expect(try bundle.tryCreate(["--console-socket", listener.path]).status == 0)
        let own = try #require(listener.receive())
        defer { close(own) }
        try bundle.start()
        #expect(try bundle.exec([], "sh", "-c", "test -t 1 || echo none").output == "none\n")
        #expect(try bundle.exec(["-t"], "tty").output == "/dev/pts/1\r\n")
      }
    }
  }
}

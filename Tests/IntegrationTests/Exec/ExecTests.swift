import Foundation
import Testing

extension Integration.Exec {
  /// What the program gets to see, and what comes back.
  @Suite struct Programs {
    @Test func outputAndStatusAreTheProgramsOwn() throws {
      try withBundle { bundle throws in
        try bundle.launchSleeper()
        let outcome = try bundle.exec([], "sh", "-c", "echo out; echo err >&2; exit 7")
        #expect(outcome.status == 7)
        #expect(outcome.output == "out\n")
        #expect(outcome.errors == "err\n")
      }
    }

    @Test(arguments: [("TERM", 143), ("KILL", 137), ("USR1", 138)])
    func aSignalThatEndsItShowsInTheStatus(_ signal: String, _ status: Int32) throws {
      try withBundle { bundle throws in
        try bundle.launchSleeper()
        #expect(try bundle.exec([], "sh", "-c", "kill -\(signal) $$").status == status)
      }
    }

    @Test func inputArrives() throws {
      try withBundle { bundle throws in
        try bundle.launchSleeper()
        let input = try Scratch.file()
        defer { close(input) }
        try Files.write(Array("typed\n".utf8), to: input)
        lseek(input, 0, SEEK_SET)
        #expect(try bundle.exec([], "cat", input: input).output == "typed\n")
      }
    }

    @Test func whatStandsBehindTheIDIsTheCommand() throws {
      try withBundle { bundle throws in
        try bundle.launchSleeper()
        #expect(try bundle.exec([], "echo", "--tty", "-d", "--", "--user=x").output == "--tty -d -- --user=x\n")
      }
    }

    @Test func aHundredAtOnce() throws {
      try withBundle { bundle throws in
        try bundle.launchSleeper()
        let running = try (0..<100).map { try bundle.begin(["exec", bundle.id, "sh", "-c", "echo \($0); exit \($0)"]) }
        for (number, command) in running.enumerated() {
          let outcome = try command.finish()
          #expect(outcome.status == Int32(number))
          #expect(outcome.output == "\(number)\n", "\(outcome)")
        }
      }
    }

    @Test func whoWritesToAProgramThatHasClosedItsInputIsTold() throws {
      try withBundle { bundle throws in
        try bundle.launchSleeper()
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        let command = try bundle.begin(["exec", bundle.id, "sh", "-c", "exec <&-; sleep 1000"], input: ends[0])
        close(ends[0])
        defer {
          close(ends[1])
          kill(command.pid, SIGKILL)
        }
        var polled = pollfd(fd: ends[1], events: 0, revents: 0)
        #expect(poll(&polled, 1, 10_000) == 1)
        #expect(polled.revents & Int16(POLLERR) != 0)
        kill(command.pid, SIGTERM)
        #expect(try command.finish().status == 143)
      }
    }

    @Test(arguments: [SIGTERM, SIGINT, SIGUSR1, SIGHUP])
    func signalsArePassedOn(_ signal: Int32) throws {
      try withBundle { bundle throws in
        try bundle.launchSleeper()
        let command = try bundle.begin(
          [
            "exec", bundle.id, "sh", "-c",
            "trap 'echo caught; exit 9' \(signal); echo ready; while :; do sleep 0.1; done",
          ])
        #expect(try waitUntil { try command.outputSoFar == "ready\n" })
        kill(command.pid, signal)
        let outcome = try command.finish()
        #expect(outcome.status == 9)
        #expect(outcome.output == "ready\ncaught\n")
      }
    }

    // MARK: where it runs

    @Test(arguments: [false, true])
    func theNamespacesAreTheContainers(_ mapsIDs: Bool) throws {
      try withBundle { bundle throws in
        if mapsIDs { bundle.mapIDs(to: 100_000) }
        if Machine.hasTimeNamespaces { bundle.namespace("time", new: true) }
        try bundle.launchSleeper()
        let first = try bundle.pid()
        for (_, file) in Integration.Namespaces.kinds {
          let inside = try bundle.execOutput(of: "readlink /proc/self/ns/\(file)")
          #expect(inside == Processes.namespace(first, file), "\(file)")
        }
        #expect(
          try bundle.execOutput(of: "readlink /proc/self/ns/pid_for_children") == Processes.namespace(first, "pid"))
      }
    }

    @Test func namespacesThatTheContainerHasNotAreTheHosts() throws {
      try withBundle { bundle throws in
        for kind in ["pid", "network", "ipc", "uts", "cgroup"] { bundle.namespace(kind) }
        try bundle.launchSleeper()
        #expect(try bundle.execOutput(of: "readlink /proc/self/ns/pid") == Processes.namespace(Int(getpid()), "pid"))
        #expect(try bundle.execOutput(of: "readlink /proc/self/ns/mnt") == Processes.namespace(bundle.pid(), "mnt"))
      }
    }

    @Test(.enabled(if: Machine.canTrace, "needs strace, and the right to trace"), arguments: [false, true])
    func whereTheyCannotBeJoinedAtOnceTheyAreJoinedOneByOne(_ mapsIDs: Bool) throws {
      try withBundle { bundle throws in
        if mapsIDs { bundle.mapIDs(to: 100_000) }
        try bundle.launchSleeper()
        // The first call is of the parent, for the pid namespace; the first of the child is its only one with a pidfd.
        let trace = bundle.workspace + "/trace"
        let outcome = try Command(
          [
            "strace", "-f", "-qq", "-o", trace, "-e", "trace=setns", "-e", "inject=setns:error=EINVAL:when=1",
            Machine.runtime, "--root", bundle.states, "exec", bundle.id, "sh", "-c",
            "for n in pid mnt net ipc uts cgroup user; do readlink /proc/self/ns/$n; done",
          ], environment: ["PATH=\(Machine.path)", bundle.marker], directory: bundle.workspace
        ).finish()
        #expect(outcome.status == 0, "\(outcome)")
        let first = try bundle.pid()
        let expected = ["pid", "mnt", "net", "ipc", "uts", "cgroup", "user"].map {
          Processes.namespace(first, $0) ?? ""
        }
        #expect(outcome.lines == expected)
        #expect(try Files.read(trace).split(separator: "\n").filter { $0.hasSuffix(" = 0") }.count == (mapsIDs ? 7 : 6))
      }
    }

    @Test func theCgroupsAreTheContainers() throws {
      try withBundle { bundle throws in
        try bundle.launchSleeper()
        let pid = try bundle.execDetached([], "sleep", "1000")
        let first = try bundle.pid()
        #expect(try Files.read("/proc/\(pid)/cgroup") == Files.read("/proc/\(first)/cgroup"))
        #expect(try Files.read("/proc/\(pid)/cgroup").contains(bundle.cgroupsPath))
        #expect(try bundle.apus("ps", "--format", "json", bundle.id).output == "[\(first),\(pid)]\n")
      }
    }

    @Test func theSessionKeyringIsTheContainers() throws {
      try withBundle { bundle throws in
        try bundle.launch("sh", "-c", "cat /proc/keys > /keys; sleep 1000")
        func keyring(_ text: String) -> String? {
          text.split(separator: "\n").first { $0.contains("_ses.\(bundle.id)") }?.split(separator: " ").first.map(
            String.init)
        }
        // Other keyrings of root may be listed before, and the file is written piece by piece.
        #expect(waitUntil { (try? Files.read(bundle.rootfs + "/keys")).flatMap(keyring) != nil })
        let own = try #require(keyring(try Files.read(bundle.rootfs + "/keys")))
        #expect(keyring(try bundle.execOutput(of: "cat /proc/keys")) == own)
      }
    }

    // MARK: descriptors

    static let list =
      "for n in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do test -L /proc/$$/fd/$n && echo -n $n; done; echo"

    private static func open(_ count: Int) throws -> [Int32] {
      try (0..<count).map { _ in try Files.open("/dev/null", O_RDWR) }
    }

    @Test(arguments: [[], ["--tty"]])
    func noneOfTheCallersReachesTheProgram(_ flags: [String]) throws {
      try withBundle { bundle throws in
        try bundle.launchSleeper(terminals: true)
        let extra = try Programs.open(4)
        defer { extra.forEach { close($0) } }
        let outcome = try bundle.exec(flags, "sh", "-c", Programs.list, descriptors: extra)
        #expect(outcome.line.trimmingCharacters(in: .whitespacesAndNewlines) == "012", "\(outcome)")
      }
    }

    @Test func asManyAreKeptAsAsked() throws {
      try withBundle { bundle throws in
        try bundle.launchSleeper()
        let extra = try Programs.open(4)
        defer { extra.forEach { close($0) } }
        let outcome = try bundle.exec(["--preserve-fds", "2"], "sh", "-c", Programs.list, descriptors: extra)
        #expect(outcome.line == "01234", "\(outcome)")
      }
    }

    @Test func activatedSocketsArePassedAndAnnounced() throws {
      try withBundle { bundle throws in
        try bundle.launchSleeper()
        let extra = try Programs.open(2)
        defer { extra.forEach { close($0) } }
        bundle.environment = ["LISTEN_FDS=2"]
        let script = "\(Programs.list); echo $LISTEN_FDS; test $LISTEN_PID = $$ && echo own"
        #expect(try bundle.exec([], "sh", "-c", script, descriptors: extra).lines == ["01234", "2", "own"])
      }
    }

    // MARK: detached

    @Test func detachedItFallsToTheCallersReaper() throws {
      try withBundle { bundle throws in
        try bundle.launchSleeper()
        let pid = try bundle.execDetached([], "sleep", "1000")
        // The tests are a subreaper, as conmon and the shim are.
        #expect(Processes.status(pid, "PPid") == String(getpid()))
        #expect(Processes.namespace(pid, "pid") == Processes.namespace(try bundle.pid(), "pid"))
      }
    }

    @Test func detachedTheOutputGoesOn() throws {
      try withBundle { bundle throws in
        try bundle.launchSleeper()
        let command = try bundle.begin(["exec", "--detach", bundle.id, "sh", "-c", "sleep 0.2; echo later"])
        #expect(try command.finish().status == 0)
        #expect(try waitUntil { try command.outputSoFar == "later\n" })
      }
    }

    @Test func aPidfdIsSent() throws {
      try withBundle { bundle throws in
        try bundle.launchSleeper()
        let listener = try Listener(bundle.workspace + "/pidfd")
        let pid = try bundle.execDetached(["--pidfd-socket", listener.path], "sleep", "1000")
        let received = try #require(listener.receive())
        defer { close(received) }
        #expect(try Files.read("/proc/self/fdinfo/\(received)").contains("Pid:\t\(pid)\n"))
      }
    }

    // MARK: the state of the container

    @Test func aCreatedContainerCanBeJoined() throws {
      try withBundle { bundle throws in
        try bundle.create()
        #expect(try bundle.exec([], "echo", "hello").output == "hello\n")
        #expect(try bundle.status == "created")
      }
    }

    @Test func aContainerWhoseProcessIsStoppedCanBeJoined() throws {
      try withBundle { bundle throws in
        try bundle.launchSleeper()
        let pid = try bundle.pid()
        kill(pid_t(pid), SIGSTOP)
        #expect(waitUntil { Processes.state(pid) == "T" })
        #expect(try bundle.exec([], "echo", "hello").output == "hello\n")
      }
    }

    @Test func aPausedContainerIsJoinedOnRequestAlone() throws {
      try withBundle { bundle throws in
        try bundle.launchSleeper()
        try #require(Hierarchies.freeze(bundle.cgroupsPath))
        defer { _ = Hierarchies.freeze(bundle.cgroupsPath, false) }
        bundle.expectExecRefused(try bundle.exec([], "true"), ["paused", "--ignore-paused"])
        let command = try bundle.begin(["exec", "--ignore-paused", bundle.id, "echo", "hello"])
        #expect(waitUntil { Processes.marked(bundle.marker).count == 3 })
        #expect(Hierarchies.freeze(bundle.cgroupsPath, false))
        #expect(try command.finish().output == "hello\n")
      }
    }

    @Test func aContainerIsDeletedAlthoughNobodyReapsWhoJoinedIt() throws {
      // Its first process ends behind all others of its pid namespace (pid_namespaces(7)), also behind those who are dead and
      // whose parents outside do not look.
      try withBundle { bundle throws in
        try bundle.launchSleeper()
        let command = try bundle.begin(["exec", bundle.id, "sh", "-c", "touch /joined; exec sleep 1000"])
        try #require(waitUntil { Files.exists(bundle.rootfs + "/joined") })
        kill(command.pid, SIGSTOP)
        defer { kill(command.pid, SIGCONT) }
        let delete = try bundle.apus("delete", "--force", bundle.id)
        #expect(delete.description == Outcome.silent)
        #expect(bundle.ids == [] && Hierarchies.existing(bundle.cgroupsPath) == [])
        kill(command.pid, SIGCONT)
        #expect(try command.finish().status == 137)
      }
    }
  }
}

extension Hierarchies {
  /// Freezes or thaws a cgroup by the kernel's files, whichever this machine has. `false`: there are none.
  static func freeze(_ path: String, _ on: Bool = true) -> Bool {
    for directory in existing(path) {
      if Files.exists(directory + "/cgroup.freeze") {
        return (try? Files.write(on ? "1" : "0", to: directory + "/cgroup.freeze")) != nil
      }
    }
    guard let directory = directory("freezer") else { return false }
    let state = directory + path + "/freezer.state"
    return waitUntil {
      guard let file = try? Files.open(state, O_WRONLY) else { return false }
      defer { close(file) }
      try? Files.write(Array((on ? "FROZEN" : "THAWED").utf8), to: file)
      return (try? Files.read(state)) == (on ? "FROZEN\n" : "THAWED\n")
    }
  }
}

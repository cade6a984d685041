import Foundation
import Testing

extension Integration {
  /// System calls that somebody outside decides about (SCMP_ACT_NOTIFY).
  @Suite struct SeccompNotify {
    /// ENOMEDIUM: nothing else answers a mkdir(2) with it.
    private static let answer: Int32 = 123
    private static let words = "No medium found"

    private func withAgent(_ calls: [String] = ["mkdir", "mkdirat"], _ body: (Bundle, SeccompAgent) throws -> Void)
      throws
    {
      try withBundle { bundle throws in
        let agent = try SeccompAgent(bundle.workspace + "/agent")
        bundle.config["linux"]["seccomp"] = [
          "defaultAction": "SCMP_ACT_ALLOW", "listenerPath": .string(agent.path), "listenerMetadata": "some words",
          "syscalls": [["names": JSON(calls), "action": "SCMP_ACT_NOTIFY"]],
        ]
        bundle.arguments = [
          "sh", "-c", "mkdir /tmp/x 2>&1 | grep -o '\(SeccompNotify.words)' > /answer; exec sleep 1000",
        ]
        try body(bundle, agent)
      }
    }

    private func expectAnswer(in bundle: Bundle) {
      #expect(waitUntil { (try? Files.read(bundle.rootfs + "/answer")) == SeccompNotify.words + "\n" })
    }

    @Test(arguments: [true, false])
    func theListenerGetsDescriptorAndStateAndDecides(_ noNewPrivileges: Bool) throws {
      try withAgent { bundle, agent throws in
        bundle.config["process"]["noNewPrivileges"] = .bool(noNewPrivileges)
        bundle.config["annotations"] = ["org.example.key": "value"]
        try bundle.launch()
        let sent = try agent.receive()
        #expect(sent["ociVersion"].text == "1.3.0" || sent["ociVersion"].text?.hasPrefix("1.") == true)
        #expect(sent["fds"] == ["seccompFd"])
        #expect(sent["pid"].integer == (try bundle.pid()))
        #expect(sent["metadata"].text == "some words")
        #expect(sent["state"]["id"].text == bundle.id)
        #expect(sent["state"]["pid"].integer == (try bundle.pid()))
        #expect(sent["state"]["bundle"].text == bundle.directory)
        #expect(sent["state"]["annotations"]["org.example.key"].text == "value")
        #expect(agent.answer(error: SeccompNotify.answer) >= 0)
        expectAnswer(in: bundle)
      }
    }

    @Test func attachedItIsTheSame() throws {
      try withAgent { bundle, agent throws in
        bundle.arguments = ["sh", "-c", "mkdir /tmp/x"]
        try bundle.writeConfig()
        let command = try bundle.begin(["run", "--bundle", bundle.directory, bundle.id])
        #expect(try agent.receive()["fds"] == ["seccompFd"])
        #expect(agent.answer(error: SeccompNotify.answer) >= 0)
        let outcome = try command.finish()
        #expect(outcome.status == 1 && outcome.errors.contains(SeccompNotify.words), "\(outcome)")
      }
    }

    /// The descriptor is on its way before anything else is called.
    @Test func callsOfTheStartItselfAreAskedAboutToo() throws {
      try withAgent(["capset", "setresuid", "execve", "mkdir"]) { bundle, agent throws in
        bundle.arguments = ["sh", "-c", "mkdir /tmp/x"]
        try bundle.writeConfig()
        let command = try bundle.begin(["run", "--bundle", bundle.directory, bundle.id])
        _ = try agent.receive()
        var asked: [Int32] = []
        while true {
          let call = agent.answer(error: 0)
          if call < 0 { break }
          asked.append(call)
          // The last one: mkdir(2), or the directory is there.
          if Files.exists(bundle.rootfs + "/tmp/x") || asked.count > 5 { break }
          if asked.count >= 4 && waitUntil(seconds: 1, { Files.exists(bundle.rootfs + "/tmp/x") }) { break }
        }
        #expect(try command.finish().status == 0)
        #expect(Set(asked).count == 4, "\(asked)")
        #expect(Files.exists(bundle.rootfs + "/tmp/x"))
      }
    }

    @Test func theListenerCanBeNamedByAnAnnotation() throws {
      try withAgent { bundle, agent throws in
        bundle.config["linux"]["seccomp"]["listenerPath"] = .null
        bundle.config["linux"]["seccomp"]["listenerMetadata"] = .null
        bundle.config["annotations"] = ["run.oci.seccomp.receiver": .string(agent.path)]
        try bundle.launch()
        #expect(try agent.receive()["metadata"] == .null)
        #expect(agent.answer(error: SeccompNotify.answer) >= 0)
        expectAnswer(in: bundle)
      }
    }

    @Test func anOrdinaryProfileFlagGoesWithIt() throws {
      try withAgent { bundle, agent throws in
        bundle.config["linux"]["seccomp"]["flags"] = [
          "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", "SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_TSYNC",
        ]
        try bundle.launch()
        _ = try agent.receive()
        #expect(agent.answer(error: SeccompNotify.answer) >= 0)
        expectAnswer(in: bundle)
      }
    }

    /// seccomp_unotify(2): without the flag a signal takes the question back, with it none but a deadly one does.
    @Test(arguments: [true, false]) func aSignalDoesNotTakeTheQuestionBackWithTheFlag(_ hasFlag: Bool) throws {
      try withAgent(["chdir"]) { bundle, agent throws in
        if hasFlag { bundle.config["linux"]["seccomp"]["flags"] = ["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"] }
        bundle.arguments = [
          "sh", "-c", "trap 'echo signal >> /answer' USR1; cd /tmp; echo moved >> /answer; exec sleep 1000",
        ]
        try bundle.launch()
        _ = try agent.receive()
        let question = try agent.take()
        let pid = try bundle.pid()
        kill(pid_t(pid), SIGUSR1)
        if hasFlag {
          // Still pending, since nobody woke up for it.
          let pending = UInt64(Processes.status(pid, "ShdPnd") ?? "", radix: 16) ?? 0
          #expect(pending & (1 << UInt64(SIGUSR1 - 1)) != 0)
          #expect(agent.isAsked(question) && agent.answer(question, error: 0))
          #expect(waitUntil { (try? Files.read(bundle.rootfs + "/answer")) == "signal\nmoved\n" })
        } else {
          #expect(waitUntil { !agent.isAsked(question) })
          #expect(!agent.answer(question, error: 0))
        }
      }
    }

    // MARK: exec

    @Test(arguments: [false, true]) func aFurtherProcessIsDecidedAboutToo(_ isDetached: Bool) throws {
      try withAgent { bundle, agent throws in
        bundle.arguments = ["sleep", "1000"]
        bundle.config["linux"]["seccomp"]["flags"] = [
          "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", "SECCOMP_FILTER_FLAG_LOG",
        ]
        try bundle.launch()
        let own = try agent.receive()["pid"].integer
        let script = "echo $$ > /number; mkdir /tmp/x 2>&1 | grep -o '\(SeccompNotify.words)' > /answer"
        let flags = isDetached ? ["--detach", "--pid-file", bundle.workspace + "/pid"] : []
        let command = try bundle.begin(["exec"] + flags + [bundle.id, "sh", "-c", script])
        let sent = try agent.receive()
        #expect(sent["fds"] == ["seccompFd"])
        #expect(sent["metadata"].text == "some words")
        #expect(sent["state"]["id"].text == bundle.id)
        #expect(sent["state"]["status"].text == "running")
        #expect(sent["state"]["pid"].integer == own)
        // It waits for the answer meanwhile.
        let question = try agent.take()
        let pid = try #require(sent["pid"].integer)
        #expect(pid != own)
        #expect(
          Processes.status(pid, "NSpid")?.split(separator: "\t").last.map(String.init)
            == (try Files.read(bundle.rootfs + "/number").trimmingCharacters(in: .newlines)))
        #expect(agent.answer(question, error: SeccompNotify.answer))
        #expect(try command.finish().status == 0)
        if isDetached { #expect(try Files.read(bundle.workspace + "/pid") == String(pid)) }
        expectAnswer(in: bundle)
      }
    }

    @Test func aFurtherProcessDoesNotRunWithoutItsListener() throws {
      try withAgent { bundle, agent throws in
        bundle.arguments = ["sleep", "1000"]
        try bundle.launch()
        _ = try agent.receive()
        unlink(agent.path)
        bundle.expectExecRefused(
          try bundle.exec([], "touch", "/tmp/ran"), ["exec: linux.seccomp.listenerPath: ", agent.path])
        #expect(!Files.exists(bundle.rootfs + "/tmp/ran"))
        #expect(try bundle.status == "running")
      }
    }

    @Test func theProgramHasNoDescriptorOfIt() throws {
      try withAgent(["swapon"]) { bundle, agent throws in
        bundle.arguments = ["sh", "-c", "ls -l /proc/self/fd > /answer; exec sleep 1000"]
        try bundle.launch()
        _ = try agent.receive()
        #expect(waitUntil { (try? Files.read(bundle.rootfs + "/answer"))?.contains(" 2 -> ") == true })
        #expect(!(try Files.read(bundle.rootfs + "/answer")).contains("seccomp"))
      }
    }

    // MARK: refused

    @Test(arguments: [("/nowhere/agent", "No such file or directory"), ("/etc/passwd", "not a socket")])
    func aListenerThatIsNotThereIsRefused(_ path: String, _ words: String) throws {
      try withAgent { bundle, _ throws in
        bundle.config["linux"]["seccomp"]["listenerPath"] = .string(path)
        bundle.expectRefused(try bundle.tryCreate(), "create", ["linux.seccomp.listenerPath", path, words])
      }
    }

    @Test func aListenerThatHasGoneKeepsTheContainerFromStarting() throws {
      try withAgent { bundle, agent throws in
        try bundle.create()
        unlink(agent.path)
        let outcome = try bundle.apus("start", bundle.id)
        #expect(outcome.status == 1)
        #expect(outcome.errors.hasPrefix("apus: start: linux.seccomp.listenerPath: connect "), "\(outcome)")
        #expect(try bundle.status == "created")
        let again = try SeccompAgent(agent.path)
        try bundle.start()
        _ = try again.receive()
        #expect(again.answer(error: SeccompNotify.answer) >= 0)
        expectAnswer(in: bundle)
      }
    }

    @Test(arguments: ["SCMP_ACT_NOTIFY", "SCMP_ACT_ERRNO"])
    func aProfileUnderWhichTheDescriptorCannotBeSentIsRefused(_ action: String) throws {
      try withAgent { bundle, _ throws in
        bundle.config["linux"]["seccomp"]["syscalls"].append(["names": ["sendmsg"], "action": .string(action)])
        bundle.expectRefused(try bundle.tryCreate(), "create", ["linux.seccomp: with SCMP_ACT_NOTIFY", "sendmsg"])
      }
    }
  }
}

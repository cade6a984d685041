import Foundation
import Testing

extension Integration {
  /// Files and ports that a program gets to, by annotations `org.apus.landlock.*`.
  @Suite(.enabled(if: Machine.landlockVersion >= 1, "needs Landlock")) struct Landlock {
    private func withRules(_ rules: [String: String], _ body: (Bundle) throws -> Void) throws {
      try withBundle { bundle throws in
        for (name, value) in rules { bundle.config["annotations"]["org.apus.landlock." + name] = .string(value) }
        // So that nothing else forbids anything.
        try #require(chmod(bundle.rootfs + "/tmp", 0o777) == 0)
        try Files.write("words\n", to: bundle.rootfs + "/etc/words", mode: 0o666)
        try body(bundle)
      }
    }

    @Test(arguments: [true, false])
    func onlyWhatIsListedCanBeRead(_ noNewPrivileges: Bool) throws {
      try withRules(["execute": "/bin", "read-only": "/proc:/etc/passwd"]) { bundle throws in
        bundle.config["process"]["noNewPrivileges"] = .bool(noNewPrivileges)
        try bundle.expect(
          "head -c 4 /etc/passwd; echo; cat /etc/words 2>&1; ls /root 2>&1; true",
          prints: "root\ncat: can't open '/etc/words': Permission denied\nls: can't open '/root': Permission denied")
      }
    }

    @Test func onlyWhatIsListedCanBeWrittenAndThatNotExecuted() throws {
      try withRules(["execute": "/bin", "read-only": "/", "read-write": "/tmp"]) { bundle throws in
        let lines = try bundle.output(
          of: """
            echo more 2>&1 >> /etc/words; mkdir /etc/new 2>&1; rm /etc/words 2>&1
            mkdir /tmp/new && mv /tmp/new /tmp/newer && cp /bin/busybox /tmp/newer/true && chmod 755 /tmp/newer/true
            /tmp/newer/true; echo $?
            """ + " 2>&1")
        #expect(lines.contains("can't remove '/etc/words': Permission denied"))
        #expect(lines.contains("can't create directory '/etc/new': Permission denied"))
        #expect(lines.hasSuffix("126"))
        #expect(try Files.read(bundle.rootfs + "/etc/words") == "words\n")
        #expect(Files.exists(bundle.rootfs + "/tmp/newer/true"))
      }
    }

    @Test func theProgramItselfMustBeExecutable() throws {
      try withRules(["read-only": "/"]) { bundle throws in
        try bundle.writeConfig()
        let outcome = try bundle.run()
        bundle.expectRefused(outcome, "run", ["exec \"true\": permission denied"])
      }
    }

    @Test(.enabled(if: Machine.landlockVersion >= 4, "needs Linux 6.7"))
    func onlyListedPortsAreListenedOnAndConnectedTo() throws {
      try withRules(["bind-tcp": "4242", "connect-tcp": "4243"]) { bundle throws in
        let lines = try bundle.output(
          of:
            "nc -l -p 4243 2>&1; nc 127.0.0.1 4242 2>&1; nc 127.0.0.1 4243 2>&1; (nc -l -p 4242 & sleep 0; kill $!) ; true"
        )
        #expect(lines.contains("bind: Permission denied"))
        #expect(lines.contains("can't connect to remote host (127.0.0.1): Permission denied"))
        // Nobody listens there: the rules let it pass.
        #expect(lines.contains("can't connect to remote host (127.0.0.1): Connection refused"))
      }
    }

    @Test func anOrdinaryUserHasThemToo() throws {
      try #require(OrdinaryUser.canBeUsed)
      try withRules(["execute": "/bin"]) { bundle throws in
        try bundle.give(to: OrdinaryUser())
        try bundle.expect("cat /etc/words 2>&1; true", prints: "cat: can't open '/etc/words': Permission denied")
      }
    }

    @Test func theDescriptorOfTheRulesDoesNotReachTheProgram() throws {
      try withRules(["execute": "/bin", "read-only": "/"]) { bundle throws in
        #expect(!(try bundle.output(of: "ls -l /proc/self/fd").contains("landlock")))
      }
    }

    @Test(arguments: [
      ("read-only", "etc", ["read-only", "\"etc\" is no absolute path"]),
      ("read-only", "/missing", ["/missing", "No such file"]),
      ("bind-tcp", "80,http", ["bind-tcp", "\"http\" is no port"]), ("bind-tcp", "65536", ["\"65536\" is no port"]),
      ("write", "/", ["org.apus.landlock.write", "is not known"]),
    ])
    func whatMakesNoSenseIsRefused(_ name: String, _ value: String, _ words: [String]) throws {
      try withRules([name: value]) { bundle throws in
        bundle.expectRefused(try bundle.tryCreate(), "create", words)
      }
    }
  }

  @Suite(.enabled(if: Machine.landlockVersion < 1, "there is Landlock")) struct WithoutLandlock {
    @Test func rulesAreRefused() throws {
      try withBundle { bundle throws in
        bundle.config["annotations"] = ["org.apus.landlock.read-only": "/"]
        bundle.expectRefused(try bundle.tryCreate(), "create", ["org.apus.landlock", "Landlock is not in this kernel"])
      }
    }
  }
}

import Foundation
import Testing

extension Integration {
  /// Programs that are run at points of a container's life.
  @Suite struct Hooks {
    static let kinds = ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"]
    private static let ofCreate = ["prestart", "createRuntime", "createContainer"]
    private static let ofStart = ["startContainer", "poststart"]

    /// A hook that runs a script in a shell.
    private static func hook(_ script: String, timeout: Int? = nil) -> JSON {
      var hook: JSON = ["path": "/bin/sh", "args": JSON(["sh", "-c", script]), "env": ["PATH=/bin:/usr/bin"]]
      hook["timeout"] = timeout.map { JSON($0) } ?? nil
      return hook
    }

    /// Adds a hook of every kind that says its name in a file that inside and outside see.
    private static func recordAll(_ bundle: Bundle, program: String = "echo program >> /work/order") {
      bundle.mount(bundle.workspace, type: "bind", from: bundle.workspace, "bind")
      bundle.mount("/work", type: "bind", from: bundle.workspace, "bind")
      for kind in kinds {
        bundle.config["hooks"][kind] = [
          hook("echo \(kind) >> \(bundle.workspace)/order"), hook("echo \(kind) again >> \(bundle.workspace)/order"),
        ]
      }
      bundle.arguments = ["sh", "-c", program]
    }

    private static func order(_ bundle: Bundle) -> [String] {
      ((try? Files.read(bundle.workspace + "/order")) ?? "").split(separator: "\n").map(String.init)
    }

    private static func twice(_ kinds: String...) -> [String] { kinds.flatMap { [$0, $0 + " again"] } }

    // MARK: order

    @Test func eachRunsAtItsPointOfLife() throws {
      try withBundle { bundle throws in
        Hooks.recordAll(bundle, program: "echo program >> /work/order; sleep 1000")
        try bundle.create()
        var expected = Hooks.twice("prestart", "createRuntime", "createContainer")
        #expect(Hooks.order(bundle) == expected)
        try bundle.start()
        #expect(waitUntil { Hooks.order(bundle).contains("program") })
        // The program and the hooks behind its start go on side by side.
        #expect(Hooks.order(bundle).filter { $0 != "program" } == expected + Hooks.twice("startContainer", "poststart"))
        #expect(Hooks.order(bundle).firstIndex(of: "program")! >= 8)
        try bundle.apus("kill", bundle.id, "KILL")
        try bundle.waitUntilStopped()
        expected = Hooks.order(bundle)
        #expect(try bundle.apus("delete", bundle.id).status == 0)
        #expect(Hooks.order(bundle) == expected + Hooks.twice("poststop"))
      }
    }

    @Test(arguments: [[], ["--detach"]])
    func runHasThemAll(_ flags: [String]) throws {
      try withBundle { bundle throws in
        Hooks.recordAll(bundle, program: "true")
        try bundle.writeConfig()
        let run = try bundle.begin(["run", "-b", bundle.directory] + flags + [bundle.id]).finish()
        #expect(run.status == 0, "\(run)")
        if !flags.isEmpty { #expect(try bundle.apus("delete", "--force", bundle.id).status == 0) }
        #expect(Hooks.order(bundle) == Hooks.kinds.flatMap { Hooks.twice($0) })
      }
    }

    // MARK: what they are told

    /// As with runc: hooks of the runtime have its variables, those in the container its process's.
    @Test func withoutAnEnvironmentTheyHaveThatOfWhoRunsThem() throws {
      try withBundle { bundle throws in
        bundle.environment = ["APUS_TEST_WHO=runtime"]
        Hooks.recordAll(bundle, program: "true")
        bundle.config["process"]["env"].append("APUS_TEST_WHO=container")
        for kind in Hooks.kinds {
          bundle.config["hooks"][kind] = [Hooks.hook("echo $APUS_TEST_WHO > \(bundle.workspace)/\(kind)")]
          bundle.config["hooks"][kind][0]["env"] = nil
        }
        let run = try bundle.run()
        #expect(run.status == 0, "\(run)")
        for kind in Hooks.kinds {
          let who = ["createContainer", "startContainer"].contains(kind) ? "container" : "runtime"
          #expect(try Files.read(bundle.workspace + "/" + kind) == who + "\n", "\(kind)")
        }
      }
    }

    @Test func anEmptyEnvironmentIsOne() throws {
      try withBundle { bundle throws in
        bundle.environment = ["APUS_TEST_WHO=runtime"]
        bundle.config["hooks"]["createRuntime"] = [Hooks.hook("echo x$APUS_TEST_WHO > \(bundle.workspace)/seen")]
        bundle.config["hooks"]["createRuntime"][0]["env"] = []
        _ = try bundle.output(of: "true")
        #expect(try Files.read(bundle.workspace + "/seen") == "x\n")
      }
    }

    @Test func theStateIsOnTheirStandardInput() throws {
      try withBundle { bundle throws in
        bundle.config["annotations"] = ["org.example": "a \"b\""]
        Hooks.recordAll(bundle, program: "sleep 1000")
        for kind in Hooks.kinds {
          bundle.config["hooks"][kind] = [Hooks.hook("cat > \(bundle.workspace)/\(kind)")]
        }
        try bundle.launch()
        let pid = try bundle.pid()
        try #require(try bundle.apus("delete", "--force", bundle.id).status == 0)
        let expected = [
          "prestart": ("created", pid), "createRuntime": ("created", pid), "createContainer": ("created", 1),
          "startContainer": ("created", 1), "poststart": ("running", pid), "poststop": ("stopped", 0),
        ]
        for kind in Hooks.kinds {
          let state = try JSON(parsing: Files.read(bundle.workspace + "/" + kind))
          #expect(state["status"].text == expected[kind]?.0, "\(kind)")
          #expect(state["pid"].integer == expected[kind]?.1, "\(kind)")
          #expect(state["id"].text == bundle.id, "\(kind)")
          #expect(state["bundle"].text == bundle.directory, "\(kind)")
          #expect(state["ociVersion"].text != nil, "\(kind)")
          #expect(state["annotations"]["org.example"].text == "a \"b\"", "\(kind)")
        }
      }
    }

    @Test(arguments: kinds)
    func argumentsAndEnvironmentAreTheirOwn(_ kind: String) throws {
      try withBundle { bundle throws in
        Hooks.recordAll(bundle)
        bundle.environment = ["LEAKED=yes"]
        // A shell's own variables are not the environment it got.
        let script =
          "printf '%s|' \"$0\" \"$@\" > \(bundle.workspace)/seen; cat /proc/self/environ >> \(bundle.workspace)/seen"
        bundle.config["hooks"] = [
          kind: [
            [
              "path": "/bin/busybox", "args": JSON(["sh", "-c", script, "zero", "one two", ""]),
              "env": ["A=1", "B=two words", "PATH=/bin"],
            ]
          ]
        ]
        #expect(try bundle.run().status == 0)
        let seen = try Files.read(bundle.workspace + "/seen").components(separatedBy: "|")
        #expect(seen.count == 4)
        #expect(Array(seen.prefix(3)) == ["zero", "one two", ""])
        let environment = Set(seen[3].split(separator: "\0").map(String.init))
        #expect(environment.isSuperset(of: ["A=1", "B=two words", "PATH=/bin"]))
        #expect(
          environment.subtracting(["A=1", "B=two words", "PATH=/bin"]).allSatisfy {
            $0.hasPrefix("SHLVL=") || $0.hasPrefix("PWD=") || $0.hasPrefix("OLDPWD=")
          })
      }
    }

    @Test(arguments: zip(kinds, [false, false, true, true, false, false]))
    func theyRunInTheNamespacesOf(_ kind: String, _ container: Bool) throws {
      try withBundle { bundle throws in
        Hooks.recordAll(bundle)
        let links = ["net", "uts", "ipc", "mnt", "pid"].map { "readlink /proc/self/ns/\($0)" }.joined(separator: "; ")
        bundle.config["hooks"] = [kind: [Hooks.hook("(\(links)) > \(bundle.workspace)/hook")]]
        bundle.arguments = ["sh", "-c", "(\(links)) > /work/program"]
        #expect(try bundle.run().status == 0)
        let names = try Files.read(bundle.workspace + (container ? "/program" : "/hook")).split(separator: "\n").map(
          String.init)
        let own = ["net", "uts", "ipc", "mnt", "pid"].compactMap { Processes.namespace(Int(getpid()), $0) }
        if container {
          #expect(try Files.read(bundle.workspace + "/hook").split(separator: "\n").map(String.init) == names)
        } else {
          #expect(names == own)
        }
      }
    }

    @Test func whereTheirPathsAreLookedUp() throws {
      try withBundle { bundle throws in
        Hooks.recordAll(bundle)
        // The program of createContainer is the host's though it runs in the container's namespaces; that of
        // startContainer is the container's.
        try Files.write("#!/bin/sh\necho host > \(bundle.workspace)/outer", to: bundle.workspace + "/hook", mode: 0o755)
        try Files.write("#!/bin/sh\necho image > /work/inner", to: bundle.rootfs + "/bin/hook", mode: 0o755)
        bundle.config["hooks"] = [
          "createContainer": [["path": .string(bundle.workspace + "/hook")]], "startContainer": [["path": "/bin/hook"]],
        ]
        let run = try bundle.run()
        #expect(run.status == 0, "\(run)")
        #expect(try Files.read(bundle.workspace + "/outer") == "host\n")
        #expect(try Files.read(bundle.workspace + "/inner") == "image\n")
      }
    }

    @Test func createRuntimeSeesTheContainersNamespacesReady() throws {
      try withBundle { bundle throws in
        let script = "pid=$(sed 's/.*\"pid\": *\\([0-9]*\\).*/\\1/' | tr -d '\\n'); readlink /proc/$pid/ns/net > "
        bundle.config["hooks"] = ["createRuntime": [Hooks.hook(script + bundle.workspace + "/net")]]
        try bundle.launch("sleep", "1000")
        #expect(
          try Files.read(bundle.workspace + "/net") == (Processes.namespace(try bundle.pid(), "net") ?? "") + "\n")
      }
    }

    // MARK: failure

    private static let failing: [(JSON, [String])] = [
      (hook("echo out; echo err >&2; exit 3"), ["exit status 3", "out err"]),
      (["path": "/missing/hook"], ["/missing/hook", "no such file or directory"]),
      (["path": "/etc/passwd"], ["/etc/passwd", "permission denied"]),
      (hook("kill -TERM $$"), ["signal 15"]),
      (hook("exit 255"), ["exit status 255"]),
      (hook("sleep 1000 & sleep 1000", timeout: 1), ["timed out", "1 s"]),
    ]

    @Test(arguments: ofCreate, failing)
    func aFailureMakesCreateFailAndRunsPoststop(_ kind: String, _ failing: (JSON, [String])) throws {
      try withBundle { bundle throws in
        Hooks.recordAll(bundle)
        var hooks = bundle.config["hooks"][kind]
        hooks = [hooks[0], failing.0, hooks[1]]
        bundle.config["hooks"][kind] = hooks
        bundle.expectRefused(try bundle.tryCreate(), "create", ["\(kind) hook #1"] + failing.1)
        let before = Hooks.kinds.prefix { $0 != kind }.flatMap { Hooks.twice($0) }
        #expect(Hooks.order(bundle) == before + [kind] + Hooks.twice("poststop"))
      }
    }

    @Test(arguments: ofStart, failing)
    func aFailureMakesStartFailAndDestroysTheContainer(_ kind: String, _ failing: (JSON, [String])) throws {
      try withBundle { bundle throws in
        Hooks.recordAll(bundle, program: "sleep 1000")
        var hooks = bundle.config["hooks"][kind]
        hooks = [hooks[0], failing.0, hooks[1]]
        bundle.config["hooks"][kind] = hooks
        try bundle.create()
        bundle.expectRefused(try bundle.apus("start", bundle.id), "start", ["\(kind) hook #1"] + failing.1)
        let before = Hooks.kinds.prefix { $0 != kind }.flatMap { Hooks.twice($0) }
        #expect(Hooks.order(bundle) == before + [kind] + Hooks.twice("poststop"))
      }
    }

    @Test(arguments: ofCreate + ofStart, [[], ["--detach"]])
    func aFailureMakesRunFailAndLeavesNothing(_ kind: String, _ flags: [String]) throws {
      try withBundle { bundle throws in
        Hooks.recordAll(bundle, program: "sleep 1000")
        bundle.config["hooks"][kind] = [Hooks.hook("exit 3")]
        try bundle.writeConfig()
        let run = try bundle.begin(["run", "-b", bundle.directory] + flags + [bundle.id]).finish()
        bundle.expectRefused(run, "run", ["\(kind) hook #0", "exit status 3"])
        #expect(Array(Hooks.order(bundle).suffix(2)) == Hooks.twice("poststop"))
      }
    }

    @Test(arguments: failing)
    func aFailureOfPoststopIsToldAndDeletionGoesOn(_ failing: (JSON, [String])) throws {
      try withBundle { bundle throws in
        Hooks.recordAll(bundle, program: "true")
        let hooks = bundle.config["hooks"]["poststop"]
        bundle.config["hooks"]["poststop"] = [failing.0, hooks[1]]
        try bundle.launch()
        try bundle.waitUntilStopped()
        let delete = try bundle.apus("delete", bundle.id)
        #expect(delete.status == 0, "\(delete)")
        for word in ["poststop hook #0"] + failing.1 {
          #expect(delete.errors.lowercased().contains(word.lowercased()), "\(delete)")
        }
        #expect(Hooks.order(bundle).last == "poststop again")
        bundle.expectNothingLeft()
      }
    }

    @Test func whatFailsBeforeAnyHookRunsNone() throws {
      try withBundle { bundle throws in
        Hooks.recordAll(bundle)
        bundle.mount("/data", type: "bind", from: "/missing/source", "bind")
        bundle.expectRefused(try bundle.tryCreate(), "create", ["/missing/source"])
        #expect(Hooks.order(bundle) == [])
      }
    }

    @Test func whatFailsBehindHooksRunsPoststop() throws {
      try withBundle { bundle throws in
        Hooks.recordAll(bundle)
        bundle.arguments = ["nothing"]
        bundle.expectRefused(try bundle.tryCreate(), "create", ["executable file not found"])
        #expect(
          Hooks.order(bundle) == Hooks.twice("prestart", "createRuntime", "createContainer", "poststop"))
      }
    }

    @Test(arguments: kinds)
    func withoutATimeoutAHookMayTakeItsTime(_ kind: String) throws {
      try withBundle { bundle throws in
        Hooks.recordAll(bundle)
        bundle.config["hooks"] = [
          kind: [
            Hooks.hook("until test -e \(bundle.workspace)/go; do true; done; echo done > \(bundle.workspace)/done")
          ]
        ]
        try bundle.writeConfig()
        let command = try bundle.begin(["run", "-b", bundle.directory, bundle.id])
        try Files.write("", to: bundle.workspace + "/go")
        #expect(try command.finish().status == 0)
        #expect(Files.exists(bundle.workspace + "/done"))
      }
    }

    // MARK: children and output

    @Test func atItsTimeoutAHookGoesWithChildrenThatHaveLeftItsSession() throws {
      try withBundle { bundle throws in
        let script = "export \(bundle.marker); setsid sh -c 'sleep 1000; true' & sleep 1000"
        bundle.config["hooks"] = ["createRuntime": [Hooks.hook(script, timeout: 1)]]
        bundle.expectRefused(try bundle.tryCreate(), "create", ["timed out"])
      }
    }

    @Test(arguments: ofCreate + ofStart)
    func aHookThatPrintsForEverIsKilledAtItsTimeout(_ kind: String) throws {
      try withBundle { bundle throws in
        bundle.config["hooks"] = [kind: [Hooks.hook("exec yes flood", timeout: 1)]]
        let run = try bundle.run()
        bundle.expectRefused(run, "run", ["\(kind) hook #0", "timed out", "flood"])
        #expect(run.errors.utf8.count < 4096)
      }
    }

    @Test func aHookWhoseChildPrintsForEverHasEndedAllTheSame() throws {
      try withBundle { bundle throws in
        bundle.config["hooks"] = ["createRuntime": [Hooks.hook("yes & exit 0")]]
        let run = try bundle.run()
        #expect(run.status == 0, "\(run)")
      }
    }

    @Test func aHookMayPrintALot() throws {
      try withBundle { bundle throws in
        bundle.config["hooks"] = ["createRuntime": [Hooks.hook("yes | head -c 10000000; echo the end; exit 1")]]
        let run = try bundle.run()
        bundle.expectRefused(run, "run", ["exit status 1", "the end"])
        #expect(run.errors.utf8.count < 4096)
      }
    }

    @Test func whatSucceedingHooksPrintIsNotTheCommands() throws {
      try withBundle { bundle throws in
        bundle.config["hooks"] = ["createRuntime": [Hooks.hook("echo out; echo err >&2")]]
        let run = try bundle.run()
        #expect(run.output == "" && run.errors == "", "\(run)")
      }
    }

    @Test func annotationsSendTheirOutputToFiles() throws {
      try withBundle { bundle throws in
        for kind in Hooks.kinds { bundle.config["hooks"][kind] = [Hooks.hook("echo \(kind); echo e-\(kind) >&2")] }
        bundle.config["annotations"] = [
          "run.oci.hooks.stdout": .string(bundle.workspace + "/out"),
          "run.oci.hooks.stderr": .string(bundle.workspace + "/err"),
        ]
        try bundle.launch("true")
        try bundle.waitUntilStopped()
        #expect(try bundle.apus("delete", bundle.id).status == 0)
        #expect(try Files.read(bundle.workspace + "/out") == Hooks.kinds.map { $0 + "\n" }.joined())
        #expect(try Files.read(bundle.workspace + "/err") == Hooks.kinds.map { "e-\($0)\n" }.joined())
        #expect(!Files.exists(bundle.rootfs + bundle.workspace))
      }
    }

    @Test func anOutputFileThatCannotBeOpenedIsAnError() throws {
      try withBundle { bundle throws in
        bundle.config["hooks"]["createRuntime"] = [Hooks.hook("true")]
        bundle.config["annotations"] = ["run.oci.hooks.stdout": "/missing/out"]
        bundle.expectRefused(try bundle.tryCreate(), "create", ["run.oci.hooks.stdout", "/missing/out"])
      }
    }

    @Test func aHookGetsNoDescriptorOfTheCommand() throws {
      try withBundle { bundle throws in
        Hooks.recordAll(bundle)
        for kind in Hooks.kinds {
          bundle.config["hooks"][kind] = [
            Hooks.hook("for f in /proc/self/fd/*; do echo $f; done >> \(bundle.workspace)/\(kind)")
          ]
        }
        #expect(try bundle.run().status == 0)
        for kind in Hooks.kinds {
          // The shell itself opens the file it writes to, and the directory.
          let numbers = try Files.read(bundle.workspace + "/" + kind).split(separator: "\n").compactMap {
            Int($0.split(separator: "/").last ?? "")
          }
          #expect(numbers.filter { $0 > 3 && $0 < 10 } == [], "\(kind)")
        }
      }
    }
  }
}

import Foundation
import Testing

extension Integration {
  /// What a checkpoint and a restore refuse, and how they deal with a CRIU that does not do what it should. That they work with a real
  /// one is looked at in Tests/Guest, on kernels that it is made for.
  @Suite struct CheckpointAndRestore {
    // Messages of CRIU, as printf(1) writes them; the encoding is looked at in RuntimeTests.
    private static let version = #"printf '\010\012\020\001\122\006\010\003\020\021\040\001' >&3"#
    private static let hear = "dd bs=65536 count=1 <&3 >/dev/null 2>&1"
    /// Tells its version when it is asked, and waits for what it is to do.
    private static let greet = "\(hear); \(version); \(hear); "

    /// The runtime with a CRIU that is a script; `nil`: without any.
    private static func fake(_ script: String?, _ bundle: Bundle) throws {
      let programs = bundle.workspace + "/programs"
      try Files.makeDirectory(programs)
      var path = programs
      if let script {
        try Files.write("#!/bin/sh\n\(script)\n", to: programs + "/criu", mode: 0o755)
        path += ":/usr/bin:/bin"
      }
      bundle.runtime = ["/usr/bin/env", "PATH=\(path)", Machine.runtime]
    }

    // MARK: a CRIU that does not do what it should

    @Test(
      arguments: [
        (nil, ["criu: executable file not found in $PATH", "package criu"]),
        ("exit 3", ["criu: it ended without an answer"]),
        ("\(hear); kill -9 $$", ["criu: it ended without an answer"]),
        ("\(hear); printf 'what?' >&3", ["criu", "no message of its protocol"]),
        ("\(hear); printf '\\010' >&3", ["criu", "no message of its protocol"]),
        ("\(hear); printf '\\010\\012\\020\\000' >&3", ["does not tell its version", "too old"]),
        ("\(hear); printf '\\010\\012\\020\\001\\122\\004\\010\\003\\020\\012' >&3", ["3.10.0", "too old"]),
        (greet + "exit 0", ["criu: it ended without an answer"]),
        (greet + "printf '\\010\\001\\020\\000' >&3", ["criu: it failed"]),
        (greet + "printf '\\010\\001\\020\\000\\070\\002' >&3", ["criu: no such file or directory"]),
        (
          greet + "printf '\\010\\001\\020\\000\\112\\032Error (criu/a.c:1): mnt: x' >&3",
          ["criu: mnt: x\n"]
        ),
        // An answer to something else; a notification without end.
        (greet + "printf '\\010\\002\\020\\001' >&3", ["criu: it failed"]),
        (greet + "printf '\\010\\006\\020\\001' >&3; \(hear); kill -9 $$", ["criu: it ended without an answer"]),
      ] as [(String?, [String])])
    func aCheckpointThatFailsLeavesTheContainerRunning(_ script: String?, _ words: [String]) throws {
      try withBundle { bundle throws in
        try bundle.launch("sleep", "1000")
        try CheckpointAndRestore.fake(script, bundle)
        let outcome = try bundle.apus("checkpoint", bundle.id)
        bundle.expectError(outcome, of: "checkpoint")
        for word in words { #expect(outcome.errors.lowercased().contains(word.lowercased()), "\(outcome)") }
        #expect(try bundle.status == "running")
        #expect(try bundle.apus("kill", bundle.id, "KILL").status == 0)
        try bundle.waitUntilStopped()
        #expect(try bundle.apus("delete", bundle.id).status == 0)
        bundle.expectNothingLeft()
      }
    }

    @Test func theLogOfCRIUTellsWhy() throws {
      try withBundle { bundle throws in
        try bundle.launch("sleep", "1000")
        try CheckpointAndRestore.fake(CheckpointAndRestore.greet + "printf '\\010\\001\\020\\000' >&3", bundle)
        let log = bundle.workspace + "/checkpoint/dump.log"
        try Files.makeDirectory(bundle.workspace + "/checkpoint")
        try Files.write(
          "(00.1) Error (criu/a.c:7): the \u{1}reason\n(00.2) Error (criu/b.c:1): Dumping FAILED.\n", to: log)
        let outcome = try bundle.apus("checkpoint", "--image-path", bundle.workspace + "/checkpoint", bundle.id)
        bundle.expectError(outcome, of: "checkpoint")
        #expect(outcome.errors == "apus: checkpoint: criu: the  reason; see \(log)\n")
      }
    }

    @Test(arguments: [false, true])
    func aCheckpointEndsTheContainerUnlessItIsToGoOn(_ goesOn: Bool) throws {
      try withBundle { bundle throws in
        try bundle.launch("sleep", "1000")
        try CheckpointAndRestore.fake(CheckpointAndRestore.greet + "printf '\\010\\001\\020\\001' >&3", bundle)
        let flags = goesOn ? ["--leave-running"] : []
        let outcome = try bundle.begin(["checkpoint"] + flags + [bundle.id]).finish()
        #expect(outcome.description == Outcome.silent)
        if goesOn { #expect(try bundle.status == "running") } else { bundle.expectNothingLeft() }
        let saved = try Files.read(bundle.workspace + "/checkpoint/descriptors.json")
        #expect(try JSON(parsing: saved).elements[0].text == "/dev/null")
      }
    }

    @Test(
      arguments: [
        (nil, ["criu: executable file not found in $PATH"]),
        ("exit 3", ["criu: it ended without an answer"]),
        (greet + "printf '\\010\\002\\020\\000' >&3", ["criu: it failed"]),
        // It says that it is done, and has told of no process.
        (greet + "printf '\\010\\002\\020\\001' >&3", ["did not tell which process"]),
        // Of a process that is none, that the namespaces are made, or that all is there.
        (
          greet + "printf '\\010\\006\\020\\001\\052\\022\\012\\020setup-namespaces' >&3; \(hear); exit 1",
          ["/proc/0/ns/net"]
        ),
        (
          greet + "printf '\\010\\006\\020\\001\\052\\016\\012\\014post-restore' >&3; \(hear); exit 1",
          ["process 0, which is no child"]
        ),
        (
          greet + "printf '\\010\\006\\020\\001\\052\\023\\012\\021orphan-pts-master' >&3; \(hear); exit 1",
          ["it sent no terminal"]
        ),
      ] as [(String?, [String])])
    func aRestoreThatFailsLeavesNothing(_ script: String?, _ words: [String]) throws {
      try withBundle { bundle throws in
        bundle.arguments = ["sleep", "1000"]
        let outcome = try CheckpointAndRestore.restore(bundle, script)
        bundle.expectRefused(outcome, "restore", words)
      }
    }

    private static func restore(_ bundle: Bundle, _ script: String?, _ flags: String...) throws -> Outcome {
      try bundle.writeConfig()
      try Files.makeDirectory(bundle.workspace + "/checkpoint")
      try Files.write(#"["/dev/null", "pipe:[1]", "pipe:[1]"]"#, to: bundle.workspace + "/checkpoint/descriptors.json")
      try fake(script, bundle)
      return try bundle.begin(["restore", "--detach", "--bundle", bundle.directory] + flags + [bundle.id]).finish()
    }

    /// Whatever a `kill -9` leaves is deleted, with the CRIU that knows nothing of it.
    @Test func aRestoreThatWasKilledIsDeleted() throws {
      try withBundle { bundle throws in
        try bundle.writeConfig()
        try Files.makeDirectory(bundle.workspace + "/checkpoint")
        try Files.write("[]", to: bundle.workspace + "/checkpoint/descriptors.json")
        try CheckpointAndRestore.fake(CheckpointAndRestore.greet + "touch ready; exec sleep 1000", bundle)
        let restore = try bundle.begin(["restore", "--detach", "--bundle", bundle.directory, bundle.id])
        try #require(waitUntil { Files.exists(bundle.workspace + "/ready") })
        kill(restore.pid, SIGKILL)
        #expect(try restore.finish().status == 137)
        #expect(try bundle.apus("delete", "--force", bundle.id).status == 0)
        bundle.expectNothingLeft()
      }
    }

    // MARK: what is refused

    @Test(
      arguments: [
        (["checkpoint"], ["ID", "missing"]), (["restore"], ["ID", "missing"]),
        (["checkpoint", "--image-path", "", "x"], ["--image-path", "empty"]),
        (["checkpoint", "--manage-cgroups-mode", "hard", "x"], ["--manage-cgroups-mode", "hard", "soft"]),
        (["checkpoint", "--network-lock", "rope", "x"], ["--network-lock", "rope", "nftables"]),
        (["restore", "--empty-ns", "pid", "x"], ["--empty-ns", "pid", "network"]),
        (["checkpoint", "--page-server", "host", "x"], ["--page-server", "ADDRESS:PORT"]),
        (["checkpoint", "--page-server", ":80", "x"], ["--page-server", "ADDRESS:PORT"]),
        (["checkpoint", "--page-server", "host:65536", "x"], ["--page-server", "ADDRESS:PORT"]),
        (["checkpoint", "--status-fd", "x", "x"], ["--status-fd", "x"]),
        (["checkpoint", "--leave-running=perhaps", "x"], ["--leave-running", "perhaps"]),
        (["checkpoint", "--detach", "x"], ["unknown option", "--detach"]),
        (["restore", "--pre-dump", "x"], ["unknown option", "--pre-dump"]),
        (["restore", "--preserve-fds", "1", "x"], ["--preserve-fds", "images"]),
        (["checkpoint", "x"], ["container does not exist"]),
      ] as [([String], [String])])
    func aBadCommandLineIsRefused(_ arguments: [String], _ words: [String]) throws {
      try withBundle { bundle throws in
        bundle.expectRefused(try bundle.begin(arguments).finish(), arguments[0], words)
      }
    }

    @Test(
      arguments: [
        (["--parent-path", "/x"], ["--parent-path", "relative"]),
        (["--parent-path", "../x"], ["--parent-path", "../x"]),
        (["--lazy-pages"], ["--lazy-pages", "--page-server"]),
        (["--status-fd", "99"], ["--status-fd", "99", "not open"]),
        (["--image-path", "/proc/x"], ["--image-path", "/proc/x"]),
        (["--work-path", "/proc/x"], ["--work-path", "/proc/x"]),
      ] as [([String], [String])])
    func aCheckpointThatCannotBeMadeIsRefused(_ flags: [String], _ words: [String]) throws {
      try withBundle { bundle throws in
        try bundle.launch("sleep", "1000")
        let outcome = try bundle.begin(["checkpoint"] + flags + [bundle.id]).finish()
        bundle.expectError(outcome, of: "checkpoint")
        for word in words { #expect(outcome.errors.contains(word), "\(outcome)") }
        #expect(try bundle.status == "running")
      }
    }

    @Test func whatDoesNotRunHasNoCheckpoint() throws {
      try withBundle { bundle throws in
        bundle.arguments = ["true"]
        try bundle.create()
        for state in ["created", "stopped"] {
          let outcome = try bundle.apus("checkpoint", bundle.id)
          bundle.expectError(outcome, of: "checkpoint")
          #expect(outcome.errors.contains("is \(state): container not running"), "\(outcome)")
          if state == "created" {
            try bundle.start()
            try bundle.waitUntilStopped()
          }
        }
        #expect(!Files.exists(bundle.workspace + "/checkpoint"))
      }
    }

    /// CRIU would fail, or lose something without a word.
    private func expectNoImages(_ word: String, _ change: (Bundle) -> Void) throws {
      try withBundle { bundle throws in
        change(bundle)
        bundle.arguments = ["sleep", "1000"]
        let restore = try CheckpointAndRestore.restore(bundle, "exit 1")
        bundle.expectRefused(restore, "restore", [word])
        bundle.runtime = [Machine.runtime]
        try bundle.launch()
        let outcome = try bundle.apus("checkpoint", bundle.id)
        bundle.expectError(outcome, of: "checkpoint")
        #expect(outcome.errors.contains(word), "\(outcome)")
        #expect(try bundle.status == "running")
      }
    }

    @Test(arguments: ["mount", "pid"])
    func namespacesOfTheHostCannotBeRestored(_ kind: String) throws {
      try expectNoImages("\(kind) namespace") { $0.namespace(kind) }
    }

    @Test(.enabled(if: Machine.landlockVersion >= 1, "needs Landlock"))
    func rulesOfLandlockCannotBeRestored() throws {
      try expectNoImages("Landlock") { $0.config["annotations"] = ["org.apus.landlock.execute": "/"] }
    }

    @Test(
      arguments: [
        (nil, ["--image-path", "no such file or directory"]), ("", ["is this a checkpoint?"]),
        ("{}", ["descriptors.json"]), ("[1]", ["descriptors.json"]), ("[", ["descriptors.json"]),
      ] as [(String?, [String])])
    func whatIsNoCheckpointIsNotRestored(_ descriptors: String?, _ words: [String]) throws {
      try withBundle { bundle throws in
        try bundle.writeConfig()
        let images = bundle.workspace + "/images"
        if let descriptors {
          try Files.makeDirectory(images)
          if !descriptors.isEmpty { try Files.write(descriptors, to: images + "/descriptors.json") }
        }
        let outcome = try bundle.apus("restore", "--bundle", bundle.directory, "--image-path", images, bundle.id)
        bundle.expectRefused(outcome, "restore", words)
      }
    }

    @Test func anIdInUseIsNotRestored() throws {
      try withBundle { bundle throws in
        try bundle.launch("sleep", "1000")
        let outcome = try CheckpointAndRestore.restore(bundle, "exit 1")
        bundle.expectError(outcome, of: "restore")
        #expect(outcome.errors.contains("already exists"), "\(outcome)")
        #expect(try bundle.status == "running")
      }
    }
  }
}

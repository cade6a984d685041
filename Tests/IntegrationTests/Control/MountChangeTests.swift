import Foundation
import Testing

extension Integration {
  /// `mounts`: what comes to a container that runs, and goes.
  @Suite struct MountChange {
    @Test func bindsAndFileSystemsComeAndGo() throws {
      try withBundle { bundle throws in
        try Files.makeDirectory(bundle.workspace + "/data")
        try Files.write("content\n", to: bundle.workspace + "/data/file")
        try bundle.launchSleeper()
        let file = try bundle.mounts([
          ["destination": "/data", "source": .string(bundle.workspace + "/data"), "options": ["bind", "ro"]],
          ["destination": "/one", "source": .string(bundle.workspace + "/data/file"), "options": ["bind"]],
          ["destination": "/scratch", "type": "tmpfs", "source": "tmpfs", "options": ["size=64k", "noexec"]],
        ])
        #expect(try bundle.apus("mounts", "add", bundle.id, file).description == Outcome.silent)
        #expect(try bundle.execOutput(of: "cat /data/file /one") == "content\ncontent")
        #expect(try bundle.exec([], "touch", "/data/new").errors.contains("Read-only"))
        let options = try bundle.execOutput(of: "grep /scratch /proc/mounts")
        #expect(options.contains("noexec") && options.contains("size=64k"))
        #expect(try bundle.apus("mounts", "remove", bundle.id, file).description == Outcome.silent)
        #expect(
          try bundle.execOutput(of: "ls /data /scratch; cat /one; grep -cE '/data|/one|/scratch' /proc/mounts || true")
            == "/data:\n\n/scratch:\n0")
      }
    }

    @Test func theDocumentMayBeAConfiguration() throws {
      try withBundle { bundle throws in
        try bundle.launchSleeper()
        let file = bundle.workspace + "/mounts.json"
        try Files.makeDirectory(bundle.directory + "/relative")
        try Files.write("here\n", to: bundle.directory + "/relative/file")
        let mounts: JSON = ["mounts": [["destination": "/data", "source": "relative", "options": ["bind"]]]]
        try Files.write(mounts.serialized, to: file)
        #expect(try bundle.apus("mounts", "add", bundle.id, file).status == 0)
        #expect(try bundle.execOutput(of: "cat /data/file") == "here")
        // To remove, the destination suffices.
        let place: JSON = ["mounts": [["destination": "/data"]]]
        try Files.write(place.serialized, to: file)
        #expect(try bundle.apus("mounts", "remove", bundle.id, file).status == 0)
        #expect(try bundle.execOutput(of: "ls /data") == "")
      }
    }

    @Test func inAUserNamespace() throws {
      try withBundle { bundle throws in
        bundle.mapIDs(to: 100_000)
        try Files.makeDirectory(bundle.workspace + "/closed")
        try Files.makeDirectory(bundle.workspace + "/closed/data")
        try Files.write("content\n", to: bundle.workspace + "/closed/data/file")
        // Its root could not go there.
        chmod(bundle.workspace + "/closed", 0o700)
        try bundle.launchSleeper()
        let file = try bundle.mounts([
          ["destination": "/data", "source": .string(bundle.workspace + "/closed/data"), "options": ["bind"]],
          ["destination": "/scratch", "type": "tmpfs", "source": "tmpfs"],
        ])
        let add = try bundle.apus("mounts", "add", bundle.id, file)
        #expect(add.status == 0, "\(add)")
        #expect(
          try bundle.execOutput(of: "cat /data/file; touch /scratch/file; stat -c %u /scratch/file") == "content\n0")
        #expect(try bundle.apus("mounts", "remove", bundle.id, file).status == 0)
        #expect(try bundle.execOutput(of: "ls /data /scratch") == "/data:\n\n/scratch:")
      }
    }

    @Test func allOrNothing() throws {
      try withBundle { bundle throws in
        try bundle.launchSleeper()
        for bad: JSON in [
          ["destination": "/two", "source": "/nowhere", "options": ["bind"]],
          ["destination": "/two", "type": "nosuchfs", "source": "none"],
          ["destination": "/proc/self/mem/x", "type": "tmpfs", "source": "tmpfs"],
        ] {
          let file = try bundle.mounts([["destination": "/one", "type": "tmpfs", "source": "tmpfs"], bad])
          bundle.expectMountsRefused(try bundle.apus("mounts", "add", bundle.id, file), ["mount #1"])
          #expect(try bundle.execOutput(of: "grep -c /one /proc/mounts || true") == "0")
        }
      }
    }

    @Test func linksOfTheContainerLeadNowhereElse() throws {
      try withBundle { bundle throws in
        try bundle.launchSleeper()
        _ = try bundle.execOutput(of: "ln -s \(bundle.workspace) /link; ln -s ../../../../.. /up")
        let file = try bundle.mounts([
          ["destination": "/link/data", "type": "tmpfs", "source": "tmpfs"],
          ["destination": "/up/there", "type": "tmpfs", "source": "tmpfs"],
        ])
        let add = try bundle.apus("mounts", "add", bundle.id, file)
        #expect(!Files.exists(bundle.workspace + "/data") && !Files.exists("/there"))
        // What the first link names is not there in the container; it is made there.
        #expect(add.status == 0, "\(add)")
        #expect(try bundle.execOutput(of: "grep -c tmpfs /proc/mounts") == "2")
        #expect(try bundle.apus("mounts", "remove", bundle.id, file).status == 0)
        #expect(try bundle.execOutput(of: "grep -c tmpfs /proc/mounts || true") == "0")
      }
    }

    @Test func whatCannotBeDone() throws {
      try withBundle { bundle throws in
        let file = try bundle.mounts([["destination": "/data", "type": "tmpfs", "source": "tmpfs"]])
        bundle.expectMountsRefused(
          try bundle.apus("mounts", "add", bundle.id, file), ["container does not exist"])
        try bundle.launchSleeper()
        let broken = bundle.workspace + "/broken.json"
        for (document, word) in [
          ("", "broken.json"), ("[", "broken.json:1"), ("[1]", "broken.json:1"), ("{\"mounts\": 1}", "mounts"),
          ("[{}]", "destination"), ("[{\"destination\": \"/x\"}]", "broken.json: mounts[0].type"),
          ("null", "broken.json:1"),
        ] {
          try Files.write(document, to: broken)
          bundle.expectMountsRefused(try bundle.apus("mounts", "add", bundle.id, broken), [word])
        }
        bundle.expectMountsRefused(try bundle.apus("mounts", "remove", bundle.id, file), ["/data", "No such file"])
        for (place, word) in [("/bin", "nothing is mounted there"), ("/", "root of the container")] {
          try Files.write("[{\"destination\": \"\(place)\"}]", to: broken)
          bundle.expectMountsRefused(try bundle.apus("mounts", "remove", bundle.id, broken), [word])
        }
        bundle.expectMountsRefused(try bundle.apus("mounts", "add", bundle.id, "/nowhere"), ["/nowhere"])
        bundle.expectMountsRefused(try bundle.apus("mounts", "change", bundle.id, file), ["change", "add, remove"])
        bundle.expectMountsRefused(try bundle.apus("mounts", "add", bundle.id), ["FILE"])
        #expect(try bundle.apus("kill", bundle.id, "KILL").status == 0)
        try bundle.waitUntilStopped()
        for action in ["add", "remove"] {
          bundle.expectMountsRefused(try bundle.apus("mounts", action, bundle.id, file), ["container not running"])
        }
      }
    }

    @Test func notWithoutAMountNamespaceOfItsOwn() throws {
      try withBundle { bundle throws in
        bundle.config["mounts"] = []
        bundle.namespace("mount")
        try bundle.launchSleeper()
        let file = try bundle.mounts([["destination": "/data", "type": "tmpfs", "source": "tmpfs"]])
        bundle.expectMountsRefused(try bundle.apus("mounts", "add", bundle.id, file), ["no mount namespace of its own"])
      }
    }
  }
}

extension Bundle {
  /// A document of mounts.
  fileprivate func mounts(_ mounts: JSON) throws -> String {
    let path = workspace + "/mounts.json"
    try Files.write(mounts.serialized, to: path)
    return path
  }

  fileprivate func expectMountsRefused(
    _ outcome: Outcome, _ words: [String], sourceLocation: SourceLocation = #_sourceLocation
  ) {
    expectError(outcome, of: "mounts", sourceLocation: sourceLocation)
    for word in words { #expect(outcome.errors.contains(word), "\(outcome)", sourceLocation: sourceLocation) }
  }
}

import Foundation
import Testing

extension Integration {
  /// Command lines that nobody can obey, and those that only look like it.
  @Suite struct CommandLines {
    @Test(
      arguments: [
        ([], ["no command"]),
        (["frobnicate"], ["unknown command", "frobnicate"]),
        (["creat"], ["unknown command", "creat", "create"]),
        (["--nope", "state", "x"], ["unknown option", "--nope"]),
        (["--log-format", "xml", "list"], ["--log-format", "xml"]),
        (["--cgroup-manager", "nope", "list"], ["--cgroup-manager", "nope"]),
        (["--rootless", "maybe", "list"], ["--rootless", "maybe"]),
        (["--root", "", "list"], ["--root"]),
        (["--root"], ["--root", "argument"]),
      ] as [([String], [String])])
    func aBadGlobalPartIsRefused(_ arguments: [String], _ words: [String]) throws {
      let outcome = try Command([Machine.runtime] + arguments).finish()
      #expect(outcome.status == 1)
      #expect(outcome.output == "")
      #expect(outcome.errors.hasPrefix("apus: "))
      #expect(outcome.errors.filter { $0 == "\n" }.count == 1)
      for word in words { #expect(outcome.errors.contains(word), "\(outcome)") }
    }

    @Test(
      arguments: [
        (["create"], ["ID", "missing"]),
        (["create", "--nope", "x"], ["unknown option", "--nope"]),
        (["create", "--bundel", "/x", "x"], ["unknown option", "--bundel", "--bundle"]),
        (["create", "-Z", "x"], ["unknown option", "-Z"]),
        (["create", "x", "y"], ["unexpected argument", "y"]),
        (["create", "x", "--bundle"], ["--bundle", "argument"]),
        (["create", "--preserve-fds", "many", "x"], ["--preserve-fds", "many"]),
        (["create", "--preserve-fds", "-1", "x"], ["--preserve-fds", "-1"]),
        (["create", "--preserve-fds", "99999999999", "x"], ["--preserve-fds", "99999999999"]),
        (["create", "--no-pivot=perhaps", "x"], ["--no-pivot", "perhaps"]),
        (["start"], ["ID", "missing"]), (["state"], ["ID", "missing"]), (["kill"], ["ID", "missing"]),
        (["delete"], ["ID", "missing"]), (["ps"], ["ID", "missing"]), (["run"], ["ID", "missing"]),
        (["state", "x", "y"], ["unexpected argument", "y"]), (["start", "x", "y"], ["unexpected argument", "y"]),
        (["kill", "x", "TERM", "y"], ["unexpected argument", "y"]), (["list", "x"], ["unexpected argument", "x"]),
        (["list", "--format", "yaml"], ["--format", "yaml"]), (["ps", "--format", "yaml", "x"], ["--format", "yaml"]),
        (["delete", "--force=x", "y"], ["--force", "x"]),
      ] as [([String], [String])])
    func aBadCommandIsRefused(_ arguments: [String], _ words: [String]) throws {
      try withBundle { bundle throws in
        let outcome = try bundle.begin(arguments).finish()
        bundle.expectRefused(outcome, arguments[0], words)
      }
    }

    @Test(
      arguments: [
        { ["create", "-b", $0, $1] }, { ["create", "-b\($0)", $1] }, { ["create", "--bundle=\($0)", $1] },
        { ["create", $1, "--bundle", $0] }, { ["create", "--no-subreaper", $1, "--bundle", $0] },
        { ["create", "--no-pivot=false", "--bundle", $0, "--", $1] },
        { ["create", "-no-pivot=false", "-bundle", $0, $1] },
      ] as [@Sendable (String, String) -> [String]])
    func optionsStandWhereTheyLike(_ arguments: @Sendable (String, String) -> [String]) throws {
      try withBundle { bundle throws in
        try bundle.writeConfig()
        let outcome = try bundle.begin(arguments(bundle.directory, bundle.id)).finish()
        #expect(outcome.status == 0, "\(outcome)")
        #expect(try bundle.status == "created")
      }
    }

    @Test(arguments: [["--help"], ["-h"], ["help"], ["create", "--help"], ["kill", "-h"], ["help", "run"]])
    func helpIsGivenOnStandardOutput(_ arguments: [String]) throws {
      let outcome = try Command([Machine.runtime] + arguments).finish()
      #expect(outcome.status == 0)
      #expect(outcome.output.hasPrefix("apus runs containers") || outcome.output.hasPrefix("usage: apus "))
      #expect(outcome.errors == "")
    }

    @Test func theVersionHasTheContractsLines() throws {
      let lines = try Command([Machine.runtime, "--version"]).finish().lines
      try #require(lines.count == 4)
      for (line, beginning) in zip(lines, ["apus version ", "commit: ", "spec: 1.3.0", "libseccomp: "]) {
        #expect(line.hasPrefix(beginning))
      }
    }

    @Test func featuresIsADocument() throws {
      let features = try JSON(parsing: try Command([Machine.runtime, "features"]).finish().output)
      #expect(features["ociVersionMax"].text == "1.3.0")
      #expect(features["linux"]["namespaces"].elements.contains("network"))
      #expect(features["mountOptions"].elements.contains("rro"))
    }

    @Test func specWritesAConfigurationThatRuns() throws {
      try withBundle { bundle throws in
        let spec = try bundle.apus("spec", "--bundle", bundle.directory)
        #expect(spec.status == 0, "\(spec)")
        var config = try JSON(parsing: try Files.read(bundle.directory + "/config.json"))
        config["process"]["terminal"] = false
        config["process"]["args"] = ["sh", "-c", "echo ran"]
        config["process"]["env"].append(.string(bundle.marker))
        config["linux"]["cgroupsPath"] = .string(bundle.cgroupsPath)
        bundle.config = config
        let run = try bundle.run()
        #expect(run.status == 0 && run.line == "ran", "\(run)")
      }
    }

    @Test func specDoesNotOverwrite() throws {
      try withBundle { bundle throws in
        try Files.write("mine", to: bundle.directory + "/config.json")
        bundle.expectRefused(try bundle.apus("spec", "-b", bundle.directory), "spec", ["config.json", "exists"])
        #expect(try Files.read(bundle.directory + "/config.json") == "mine")
      }
    }

    @Test func theStateDirectoryIsMadeForItsOwnerAlone() throws {
      try withBundle { bundle throws in
        try bundle.create()
        var status = stat()
        try #require(stat(bundle.states, &status) == 0)
        #expect(status.st_mode & 0o777 == 0o700)
      }
    }
  }
}

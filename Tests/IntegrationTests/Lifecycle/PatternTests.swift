import Foundation
import Testing

extension Integration {
  /// `--regex`: several containers at once.
  @Suite struct Pattern {
    @Test func killAndDeleteReachThoseThatFitAndNoOthers() throws {
      try withBundle { bundle throws in
        let names = ["web-1", "web-2", "other"]
        for name in names { try bundle.createOwn(name) }
        #expect(try bundle.apus("kill", "--regex", "^web-[0-9]$", "KILL").description == Outcome.silent)
        for name in ["web-1", "web-2"] {
          #expect(try waitUntil { try bundle.apus("state", name).output.contains("\"stopped\"") })
        }
        #expect(try bundle.apus("state", "other").output.contains("\"created\""))
        #expect(try bundle.apus("delete", "--regex", "^web").description == Outcome.silent)
        #expect(bundle.ids == ["other"])
        // Not anchored, and created ones are not deleted without force.
        let delete = try bundle.apus("delete", "-r", "the")
        #expect(delete.status == 1 && delete.errors.contains("other"), "\(delete)")
        #expect(try bundle.apus("delete", "--force", "--regex", "the").status == 0)
        #expect(bundle.ids == [])
        #expect(names.flatMap { Hierarchies.existing(bundle.cgroupsPath + "-" + $0) } == [])
      }
    }

    @Test func whatFailsIsToldAndTheOthersAreReached() throws {
      try withBundle { bundle throws in
        for name in ["a", "b", "c"] { try bundle.createOwn(name) }
        #expect(try bundle.apus("kill", "b", "KILL").status == 0)
        #expect(try waitUntil { try bundle.apus("state", "b").output.contains("\"stopped\"") })
        let kill = try bundle.apus("kill", "--regex", ".", "KILL")
        #expect(kill.status == 1 && kill.errors.contains("\"b\": container not running"), "\(kill)")
        for name in ["a", "c"] {
          #expect(try waitUntil { try bundle.apus("state", name).output.contains("\"stopped\"") })
        }
        #expect(try bundle.apus("delete", "--regex", "").status == 0)
        bundle.expectNothingLeft()
      }
    }

    @Test func aPatternThatFitsNothingIsNoFailureAndABrokenOneIs() throws {
      try withBundle { bundle throws in
        for command in ["kill", "delete"] {
          #expect(try bundle.apus(command, "--regex", "nothing").description == Outcome.silent)
          bundle.expectRefused(try bundle.apus(command, "--regex", "(["), command, ["pattern \"([\""])
        }
      }
    }
  }
}

extension Bundle {
  /// A container of that name, in cgroups of its own.
  fileprivate func createOwn(_ name: String) throws {
    config["process"]["args"] = ["sleep", "1000"]
    config["linux"]["cgroupsPath"] = .string(cgroupsPath + "-" + name)
    try create(id: name)
  }
}

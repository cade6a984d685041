import Foundation
import Testing

extension Integration {
  /// Commands at the same time.
  @Suite struct Concurrency {
    @Test func ofManyCreatorsOfOneIdOneSucceeds() throws {
      try withBundle { bundle throws in
        try bundle.writeConfig()
        let creators = try (0..<8).map { _ in try bundle.begin(["create", "-b", bundle.directory, bundle.id]) }
        let outcomes = try creators.map { try $0.finish() }
        #expect(outcomes.filter { $0.status == 0 }.count == 1)
        for outcome in outcomes where outcome.status != 0 {
          #expect(outcome.status == 1 && outcome.errors.contains("already exists"), "\(outcome)")
        }
        #expect(try bundle.status == "created")
      }
    }

    @Test func ofManyStartsOneSucceeds() throws {
      try withBundle { bundle throws in
        bundle.arguments = ["sh", "-c", "echo started >> /count; exec sleep 1000"]
        try bundle.create()
        let starters = try (0..<8).map { _ in try bundle.begin(["start", bundle.id]) }
        let outcomes = try starters.map { try $0.finish() }
        #expect(outcomes.filter { $0.status == 0 }.count == 1, "\(outcomes)")
        #expect(waitUntil { Files.exists(bundle.rootfs + "/count") })
        #expect(try Files.read(bundle.rootfs + "/count") == "started\n")
      }
    }

    @Test func manyDeletersRemoveTheContainerAndAreContent() throws {
      try withBundle { bundle throws in
        try bundle.launch("sleep", "1000")
        let deleters = try (0..<8).map { _ in try bundle.begin(["delete", "--force", bundle.id]) }
        for outcome in try deleters.map({ try $0.finish() }) { #expect(outcome.status == 0, "\(outcome)") }
        bundle.expectNothingLeft()
      }
    }

    @Test func manyContainersLiveSideBySide() throws {
      try withBundle { bundle throws in
        bundle.arguments = ["sleep", "1000"]
        bundle.config["linux"]["cgroupsPath"] = nil
        try bundle.writeConfig()
        let names = (0..<10).map { "\(bundle.id)-\($0)" }
        let runs = try names.map { try bundle.begin(["run", "--detach", "-b", bundle.directory, $0]) }
        for outcome in try runs.map({ try $0.finish() }) { #expect(outcome.status == 0, "\(outcome)") }
        let list = try JSON(parsing: try bundle.apus("list", "-f", "json").output).elements
        #expect(list.compactMap { $0["id"].text } == names)
        #expect(list.allSatisfy { $0["status"].text == "running" })
        #expect(Set(list.compactMap { $0["pid"].integer }).count == names.count)
      }
    }
  }
}

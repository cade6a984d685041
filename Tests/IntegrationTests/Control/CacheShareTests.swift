import Foundation
import Testing

extension Integration {
  /// Shares of cache and memory bandwidth. No machine of ours has the hardware: beyond the error that says so, containers
  /// here are given a group in a tree of plain files, by what is written down of them.
  @Suite struct CacheShares {
    private static let hasResctrl = ((try? Files.read("/proc/self/mountinfo")) ?? "").contains(" - resctrl ")

    /// Makes it look as if `create` had put the container into the group.
    private static func give(_ bundle: Bundle, _ group: String, isOwn: Bool) throws {
      try bundle.amendState { $0["resourceControl"] = JSON([group, "", isOwn ? "own" : "shared"]) }
    }

    /// A root of such a tree with one group in it.
    private static func group(_ bundle: Bundle) throws -> String {
      let root = bundle.workspace + "/resctrl"
      try Files.makeDirectory(root)
      try Files.write("L3:0=fffff\n", to: root + "/schemata")
      try Files.makeDirectory(root + "/group")
      return root + "/group"
    }

    @Test(
      .enabled(if: !CacheShares.hasResctrl, "needs a machine without resctrl"),
      arguments: [[:], ["closID": "/"], ["l3CacheSchema": "L3:0=f"], ["enableMonitoring": true]] as [JSON])
    func withoutTheFileSystemItSaysSo(_ settings: JSON) throws {
      try withBundle { bundle throws in
        bundle.config["linux"]["intelRdt"] = settings
        bundle.expectRefused(
          try bundle.tryCreate(), "create", ["intelRdt: no resctrl file system is mounted; mount -t resctrl"])
      }
    }

    @Test func theGroupGoesWithItsContainer() throws {
      try withBundle { bundle throws in
        let group = try CacheShares.group(bundle)
        bundle.arguments = ["sleep", "1000"]
        for isOwn in [false, true] {
          try bundle.create()
          try CacheShares.give(bundle, group, isOwn: isOwn)
          #expect(try bundle.apus("delete", "--force", bundle.id).description == Outcome.silent)
          #expect(Files.exists(group) == !isOwn)
        }
      }
    }

    @Test func sharesAreChangedAndTold() throws {
      try withBundle { bundle throws in
        let group = try CacheShares.group(bundle)
        try Files.write("", to: group + "/schemata")
        bundle.arguments = ["sleep", "1000"]
        try bundle.create()
        try CacheShares.give(bundle, group, isOwn: false)
        let update = try bundle.apus(
          "update", "--l3-cache-schema", "L3:0=7f0", "--mem-bw-schema", "MB:0=20", bundle.id)
        #expect(update.description == Outcome.silent)
        #expect(try Files.read(group + "/schemata") == "L3:0=7f0\nMB:0=20\n")
        let event = try JSON(parsing: bundle.apus("events", "--stats", bundle.id).output)
        #expect(
          event["data"]["intel_rdt"] == [
            "l3_cache_schema_root": "L3:0=fffff", "l3_cache_schema": "L3:0=7f0", "mem_bw_schema": "MB:0=20",
          ])
      }
    }

    @Test(.enabled(if: Hierarchies.limits("cpuset"), "needs the cpuset controller"))
    func sharesStayWhereALimitIsRefused() throws {
      try withBundle { bundle throws in
        let group = try CacheShares.group(bundle)
        try Files.write("L3:0=fffff\n", to: group + "/schemata")
        bundle.arguments = ["sleep", "1000"]
        try bundle.create()
        try CacheShares.give(bundle, group, isOwn: false)
        let update = try bundle.apus("update", "--l3-cache-schema", "L3:0=7", "--cpuset-cpus", "4095", bundle.id)
        #expect(update.status == 1)
        // A plain file is written over, not into: its beginning is what counts.
        #expect(try Files.read(group + "/schemata").hasPrefix("L3:0=fffff\n"))
      }
    }

    @Test func withoutAGroupThereIsNothingToShare() throws {
      try withBundle { bundle throws in
        bundle.arguments = ["sleep", "1000"]
        try bundle.create()
        let update = try bundle.apus("update", "--l3-cache-schema", "L3:0=7", "--pids-limit", "9", bundle.id)
        #expect(update.status == 1)
        #expect(update.errors.contains("has no resctrl group: its configuration has no linux.intelRdt"), "\(update)")
        #expect(!(try Files.read(bundle.states + "/" + bundle.id + "/config.json").contains("pids")))
      }
    }
  }
}

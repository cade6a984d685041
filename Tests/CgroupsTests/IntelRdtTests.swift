import JSON
import Linux
import OCI
import Testing

@testable import Cgroups

/// Against a tree of plain files: no machine of ours has the hardware.
@Suite struct IntelRdtTests {
  let tree = FakeTree()
  var root: String { tree.root + "/resctrl" }

  init() { tree.file("resctrl/schemata", "L3:0=fffff;1=fffff\n    MB:0=100;1=100\n") }

  private func prepare(_ settings: Config.IntelRdt) throws -> ResourceControl {
    let group = try ResourceControl(settings, id: "box", root: root)
    try group.create(settings)
    return group
  }

  @Test func withoutAFileSystemItSaysSo() {
    tree.file("table", "35 24 0:31 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n")
    let message = failure { _ = try ResourceControl.mountPoint(mountTable: tree.root + "/table") }
    #expect(message?.contains("no resctrl file system is mounted") == true)
  }

  @Test func theFileSystemIsFoundWhereverItIsMounted() throws {
    tree.file("table", "35 24 0:31 / /some\\040where rw,relatime shared:9 - resctrl resctrl rw\n")
    #expect(try ResourceControl.mountPoint(mountTable: tree.root + "/table") == "/some where")
  }

  @Test func withoutClosIDTheContainerHasItsOwnGroup() throws {
    let group = try prepare(.init())
    #expect(group.directory == root + "/box")
    #expect(pathExists(root + "/box"))
    try group.remove()
    #expect(!pathExists(root + "/box"))
    try group.remove()
  }

  @Test func sharesAreWrittenCacheFirst() throws {
    tree.file("resctrl/box/schemata")
    _ = try prepare(.init(schemata: ["L2:0=f"], l3CacheSchema: "L3:0=7f0\nMB:0=50", memBwSchema: "MB:0=20"))
    #expect(tree.read("resctrl/box/schemata") == "L3:0=7f0\nMB:0=20\nL2:0=f\n")
  }

  @Test func aSharedGroupMustHaveTheSharesAskedFor() throws {
    tree.file("resctrl/gold/schemata", "    L3:0=007f0;1=1f\n    MB:0= 20;1=70\n")
    let group = try prepare(.init(closID: "gold", l3CacheSchema: "L3:0=7f0;1=1F", memBwSchema: "MB:1=70"))
    #expect(!group.isOwn)
    try group.remove()
    #expect(pathExists(root + "/gold"))
    for other in ["L3:0=7f1", "L3:2=7f0", "L2:0=1"] {
      let message = failure { _ = try prepare(.init(closID: "gold", l3CacheSchema: other)) }
      #expect(message?.contains("do not say \"\(other)\"") == true)
    }
  }

  @Test func aSharedGroupWithoutSharesMustExist() throws {
    #expect(failure { _ = try prepare(.init(closID: "gold")) }?.contains("there is no group") == true)
    tree.file("resctrl/gold/schemata", "L3:0=1\n")
    #expect(try prepare(.init(closID: "gold")).directory == root + "/gold")
    #expect(tree.read("resctrl/gold/schemata") == "L3:0=1\n")
    #expect(try prepare(.init(closID: "/")).directory == root)
  }

  @Test func aGroupThatCannotHaveItsSharesIsNotLeftBehind() {
    // A new directory of this tree has no schemata file, as a new group of the kernel would.
    let message = failure { _ = try prepare(.init(closID: "gold", l3CacheSchema: "L3:0=1")) }
    #expect(message?.contains("write \"L3:0=1\" to \(root)/gold/schemata") == true)
    #expect(!pathExists(root + "/gold"))
  }

  @Test func processesEnterTheGroupAndItsCounters() throws {
    tree.file("resctrl/gold/schemata")
    tree.file("resctrl/gold/tasks")
    tree.file("resctrl/gold/mon_groups/other/tasks")
    let group = try prepare(.init(closID: "gold", enableMonitoring: true))
    tree.file("resctrl/gold/mon_groups/box/tasks")
    try group.enter(77)
    #expect(tree.read("resctrl/gold/tasks") == "77")
    #expect(tree.read("resctrl/gold/mon_groups/box/tasks") == "77")
    #expect(ResourceControl(saved: group.saved) == group)
  }

  @Test func sharesCanBeChanged() throws {
    tree.file("resctrl/box/schemata")
    let group = try prepare(.init())
    tree.file("resctrl/box/schemata", "L3:0=f;1=f\n")
    let before = try group.update(.init(l3CacheSchema: "L3:0=3;1=3"))
    #expect(tree.read("resctrl/box/schemata") == "L3:0=3;1=3\n")
    group.restore(before)
    #expect(tree.read("resctrl/box/schemata") == "L3:0=f;1=f\n")
  }

  @Test(arguments: ["..", ".", "a/b", "../x"])
  func aNameThatLeadsElsewhereIsRefused(name: String) {
    #expect(failure { _ = try prepare(.init(closID: name)) }?.contains("is not the name of a group") == true)
  }

  @Test func sharesAndUseAreTold() throws {
    tree.file("resctrl/info/L3/cbm_mask", "fffff\n")
    tree.file("resctrl/info/L3/min_cbm_bits", "1\n")
    tree.file("resctrl/info/L3/num_closids", "16\n")
    tree.file("resctrl/info/MB/bandwidth_gran", "10\n")
    tree.file("resctrl/box/schemata", "    MB:0= 20;1= 70\n    L3:0=007f0;1=0001f\n")
    for domain in ["00", "01"] {
      tree.file("resctrl/box/mon_groups/box/mon_data/mon_L3_\(domain)/llc_occupancy", "\(domain)7\n")
    }
    tree.file("resctrl/box/mon_groups/box/mon_data/mon_L3_00/mbm_total_bytes", "Unavailable\n")
    tree.file("resctrl/box/mon_groups/box/mon_data/mon_L3_01/mbm_total_bytes", "9\n")
    tree.file("resctrl/box/mon_groups/box/mon_data/mon_L3_01/mbm_local_bytes", "8\n")
    let group = try ResourceControl(.init(enableMonitoring: true), id: "box", root: root)
    #expect(
      String(decoding: Writer.encode(group.statistics()), as: UTF8.self)
        == #"{"l3_cache_info":{"cbm_mask":"fffff","min_cbm_bits":1,"num_closids":16},"#
        + #""l3_cache_schema_root":"L3:0=fffff;1=fffff","l3_cache_schema":"L3:0=007f0;1=0001f","#
        + #""mem_bw_info":{"bandwidth_gran":10},"mem_bw_schema_root":"MB:0=100;1=100","mem_bw_schema":"MB:0= 20;1= 70","#
        + #""mbm_stats":[{"mbm_total_bytes":9,"mbm_local_bytes":8}],"cmt_stats":[{"llc_occupancy":7},{"llc_occupancy":17}]}"#
    )
  }
}

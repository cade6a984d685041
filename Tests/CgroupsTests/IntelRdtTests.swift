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
    try ResourceControl.prepare(settings, id: "box", root: root)
  }

  @Test func withoutAFileSystemItSaysSo() {
    let message = failure { _ = try ResourceControl.prepare(.init(), id: "box", root: tree.root + "/nothing") }
    #expect(message?.contains("no resctrl file system is mounted at") == true)
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
    try group.update(l3CacheSchema: "L3:0=3", memBwSchema: nil)
    #expect(tree.read("resctrl/box/schemata") == "L3:0=3\n")
  }

  @Test(arguments: ["..", ".", "a/b", "../x"])
  func aNameThatLeadsElsewhereIsRefused(name: String) {
    #expect(failure { _ = try prepare(.init(closID: name)) }?.contains("is not the name of a group") == true)
  }
}

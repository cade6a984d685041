import Testing

@testable import Cgroups

@Suite struct LayoutTests {
  let tree = FakeTree()

  @Test func aRootWithControllersIsPureV2() throws {
    tree.file("fs/cgroup.controllers", "cpu memory")
    // A v1 hierarchy that somebody mounted beside it does not count.
    let layout = try tree.detect("1:net_cls:/\n0::/user.slice/me\n")
    #expect(layout.mode == .v2)
    #expect(layout.mounts.map { $0.point } == [tree.root + "/fs"])
    #expect(layout.mounts[0].position == "/user.slice/me")
  }

  @Test func hierarchiesAreFoundInTheirUsualPlaces() throws {
    for name in ["memory", "cpu,cpuacct", "systemd"] { tree.file("fs/\(name)/cgroup.procs") }
    tree.file("fs/unified/cgroup.controllers")
    let layout = try tree.detect("3:name=systemd:/a\n2:cpu,cpuacct:/b:c\n1:memory:/\n0::/\n")
    #expect(layout.mode == .hybrid)
    let cgroup = try Cgroup(path: "/x", in: layout)
    #expect(cgroup.hierarchies.map { $0.name } == ["systemd", "cpu,cpuacct", "memory", "unified"])
    #expect(
      cgroup.hierarchies.map { $0.mountOptions } == [["none", "name=systemd"], ["cpu", "cpuacct"], ["memory"], []])
    #expect(cgroup.v1("cpuacct")?.directory == tree.root + "/fs/cpu,cpuacct/x")
    #expect(cgroup.v1("cpu")?.directory == tree.root + "/fs/cpu,cpuacct/x")
    #expect(cgroup.v1("pids") == nil)
    #expect(cgroup.unified?.directory == tree.root + "/fs/unified/x")
  }

  @Test func withoutUnifiedItIsV1() throws {
    tree.file("fs/memory/cgroup.procs")
    let layout = try tree.detect("1:memory:/\n0::/\n")
    #expect(layout.mode == .v1)
    #expect(try Cgroup(path: "/x", in: layout).unified == nil)
  }

  /// crun leaves such files where nothing is mounted.
  @Test func aDirectoryThatIsNoHierarchyIsNotTakenForUnified() throws {
    for name in ["memory", "unified"] { tree.file("fs/\(name)/cgroup.procs") }
    #expect(try tree.detect("1:memory:/\n0::/\n").mode == .v1)
  }

  @Test func whatIsElsewhereIsFoundInTheTableOfMounts() throws {
    tree.file("fs/memory/cgroup.procs")
    let layout = try tree.detect(
      "3:pids:/\n2:cpu,cpuacct:/\n1:memory:/\n",
      mountTable: """
        30 20 0:26 / /odd\\040place rw,relatime shared:9 - cgroup cgroup rw,cpuacct,cpu
        31 20 0:27 / /dev/pts rw - devpts devpts rw
        """)
    // pids is mounted nowhere, and left out.
    #expect(layout.mounts.map { $0.controllers } == ["cpu,cpuacct", "memory"])
    #expect(layout.mounts[0].point == "/odd place")
  }

  @Test func whatIsListedAndNotMountedIsLeftOutWhenTheCgroupIsMade() throws {
    tree.file("fs/memory/cgroup.procs")
    var cgroup = try Cgroup(path: "/x", in: try tree.detect("2:memory:/\n1:pids:/\n"))
    try cgroup.create()
    #expect(cgroup.hierarchies.map { $0.name } == ["memory"])
    #expect(cgroup.exists)
    try cgroup.remove()
    #expect(!cgroup.exists)
  }

  @Test func withoutAnyHierarchyTheErrorSaysSo() {
    let message = failure { _ = try tree.detect("0::/\n") }
    #expect(message?.hasPrefix("cgroup: no hierarchy is mounted below \(tree.root)/fs") == true)
  }

  @Test(arguments: [
    ("/a/b", "/a/b"), ("//a/./b/", "/a/b"), ("/../../a", "/a"), ("/a/../../b", "/b"), ("/", ""),
  ])
  func absolutePathsStayBelowTheMount(path: String, expected: String) throws {
    tree.file("fs/memory/cgroup.procs")
    let cgroup = try Cgroup(path: path, in: try tree.detect("1:memory:/own\n"))
    #expect(cgroup.hierarchies[0].path == expected)
  }

  @Test func relativePathsAreBelowTheCallersCgroup() throws {
    tree.file("fs/memory/own/cgroup.procs")
    tree.file("fs/memory/cgroup.procs")
    #expect(try Cgroup(path: "x", in: try tree.detect("1:memory:/own\n")).hierarchies[0].path == "/own/x")
  }

  @Test func onV2RelativePathsAreBesideTheCallersCgroup() throws {
    tree.file("fs/cgroup.controllers")
    tree.file("fs/user/session/cgroup.procs")
    #expect(try Cgroup(path: "x", in: try tree.detect("0::/user/session\n")).hierarchies[0].path == "/user/x")
    #expect(try Cgroup(path: "x", in: try tree.detect("0::/\n")).hierarchies[0].path == "/x")
  }

  @Test func aContainerThatSeesItsPartOnlyStaysInIt() throws {
    tree.file("fs/memory/cgroup.procs")
    tree.file("fs/memory/inner/cgroup.procs")
    let table = "30 20 0:26 /docker/abc \(tree.root)/fs/memory ro - cgroup cgroup rw,memory"
    let outer = try tree.detect("1:memory:/docker/abc\n", mountTable: table)
    #expect(try Cgroup(path: "x", in: outer).hierarchies[0].path == "/x")
    let inner = try tree.detect("1:memory:/docker/abc/inner\n", mountTable: table)
    #expect(try Cgroup(path: "x", in: inner).hierarchies[0].path == "/inner/x")
  }

  @Test func aRelativePathThatNamesNothingIsRefused() throws {
    tree.file("fs/memory/cgroup.procs")
    let layout = try tree.detect("1:memory:/\n")
    #expect(failure { _ = try Cgroup(path: "./..", in: layout) }?.contains("names no cgroup") == true)
  }

  @Test(
    arguments: [["memory:/sys/fs/cgroup/memory:/a:b", ":/sys/fs/cgroup/unified:/a:b"], [":/sys/fs/cgroup:/x"], []]
      as [[String]])
  func whatIsSavedComesBack(saved: [String]) throws {
    let cgroup = try Cgroup(saved: saved)
    #expect(cgroup.saved == saved)
    #expect(try Cgroup(saved: cgroup.saved) == cgroup)
  }

  @Test func savingKeepsEveryProperty() throws {
    for name in ["memory", "systemd"] { tree.file("fs/\(name)/cgroup.procs") }
    tree.file("fs/unified/cgroup.controllers")
    let cgroup = try Cgroup(path: "/x y", in: try tree.detect("2:name=systemd:/\n1:memory:/\n0::/\n"))
    #expect(try Cgroup(saved: cgroup.saved) == cgroup)
  }

  @Test(arguments: ["memory", "memory:/sys", "memory:sys:/x", "memory:/sys:x", "memory:/sys:/a/../../etc"])
  func aDamagedStateFileIsRefused(text: String) {
    #expect(failure { _ = try Cgroup(saved: [text]) }?.contains("names no cgroup") == true)
  }

  @Test func theDisabledDriverDoesNothing() throws {
    var cgroup = Cgroup.disabled
    try cgroup.create()
    try cgroup.apply(.init(pids: .init(limit: 1)))
    #expect(try cgroup.processes().isEmpty)
    try cgroup.kill()
    try cgroup.remove()
    #expect(!cgroup.exists)
    #expect(!cgroup.isFrozen)
    #expect(failure { try cgroup.freeze() }?.contains("no cgroup") == true)
    let attachment = try cgroup.attachment()
    #expect(attachment.unified == -1)
    #expect(attachment.tasks.isEmpty)
  }
}

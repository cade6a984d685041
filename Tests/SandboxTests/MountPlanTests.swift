import Linux
import OCI
import Testing

@testable import Sandbox

/// What becomes of each word of config.md's table of mount options.
@Suite struct MountPlanTests {
  typealias Change = @Sendable (inout MountPlan) -> Void

  private static func plan(_ options: [String], type: String? = "tmpfs", source: String? = "source") throws -> MountPlan
  {
    let mount = Config.Mount(destination: "/data", type: type, source: source, options: options)
    return try MountPlan(mount, index: 0, bundle: "/bundle")
  }

  private static func set(_ attributes: MountAttributes) -> Change { { $0.set = attributes } }
  private static func clear(_ attributes: MountAttributes) -> Change { { $0.clear = attributes } }
  private static func time(_ attribute: MountAttributes) -> Change {
    {
      $0.set = attribute
      $0.clear = .accessTime
    }
  }
  private static func flag(_ name: String) -> Change {
    { $0.data = [MountPlan.Data(key: name, value: nil, isOptional: true)] }
  }
  private static func propagation(_ kind: Propagation, recursive: Bool = false) -> Change {
    { $0.propagation = [MountPlan.PropagationChange(propagation: kind, recursive: recursive)] }
  }
  private static func bind(recursive: Bool) -> Change {
    { $0.source = .bind(path: "/bundle/source", recursive: recursive) }
  }
  private static let nothing: Change = { _ in }

  /// The attributes, which have a recursive form, too.
  private static let attributes: [(String, Change)] = [
    ("ro", set(.readOnly)), ("rw", clear(.readOnly)), ("nosuid", set(.noSuid)), ("suid", clear(.noSuid)),
    ("nodev", set(.noDev)), ("dev", clear(.noDev)), ("noexec", set(.noExec)), ("exec", clear(.noExec)),
    ("nodiratime", set(.noDirAccessTime)), ("diratime", clear(.noDirAccessTime)), ("noatime", time(.noAccessTime)),
    ("atime", clear(.accessTime)), ("relatime", clear(.accessTime)), ("norelatime", clear(.accessTime)),
    ("strictatime", time(.strictAccessTime)), ("nostrictatime", clear(.accessTime)),
    ("nosymfollow", set(.noSymlinkFollow)), ("symfollow", clear(.noSymlinkFollow)),
  ]

  private static let others: [(String, Change)] = [
    ("async", flag("async")), ("bind", bind(recursive: false)), ("defaults", nothing), ("dirsync", flag("dirsync")),
    ("iversion", flag("iversion")), ("lazytime", flag("lazytime")), ("loud", nothing), ("mand", flag("mand")),
    ("noiversion", flag("noiversion")), ("nolazytime", flag("nolazytime")), ("nomand", flag("nomand")),
    ("private", propagation(.private)), ("rbind", bind(recursive: true)), ("remount", { $0.source = .remount }),
    ("rprivate", propagation(.private, recursive: true)), ("rshared", propagation(.shared, recursive: true)),
    ("rslave", propagation(.slave, recursive: true)), ("runbindable", propagation(.unbindable, recursive: true)),
    ("shared", propagation(.shared)), ("silent", nothing), ("slave", propagation(.slave)), ("sync", flag("sync")),
    ("tmpcopyup", { $0.copiesUp = true }), ("unbindable", propagation(.unbindable)), ("acl", flag("acl")),
    ("noacl", flag("noacl")), ("rsync", flag("sync")), ("rasync", flag("async")), ("rdirsync", flag("dirsync")),
    ("rmand", flag("mand")), ("rnomand", flag("nomand")), ("src-nofollow", { $0.links = .bindsSource }),
    ("dest-nofollow", { $0.links = .coversDestination }), ("copy-symlink", { $0.links = .copiesSource }),
    // Data for the file system.
    ("size=64m", { $0.data = [MountPlan.Data(key: "size", value: "64m")] }),
    ("context=\"a:b=c\"", { $0.data = [MountPlan.Data(key: "context", value: "\"a:b=c\"")] }),
    ("newinstance", { $0.data = [MountPlan.Data(key: "newinstance", value: nil)] }),
  ]

  @Test func everyWordHasItsPlace() throws {
    for (word, change) in MountPlanTests.attributes + MountPlanTests.others {
      var expected = try MountPlanTests.plan([])
      change(&expected)
      #expect(try MountPlanTests.plan([word]) == expected, "\(word)")
    }
  }

  @Test func everyAttributeHasARecursiveForm() throws {
    for (word, change) in MountPlanTests.attributes {
      var plain = try MountPlanTests.plan([])
      change(&plain)
      var expected = try MountPlanTests.plan([])
      expected.recursiveSet = plain.set
      expected.recursiveClear = plain.clear
      #expect(try MountPlanTests.plan(["r" + word]) == expected, "r\(word)")
    }
  }

  @Test func nothingOfTheFeaturesDocumentIsLeftToFileSystems() throws {
    let words = Set(MountPlanTests.attributes.flatMap { [$0.0, "r" + $0.0] } + MountPlanTests.others.map { $0.0 })
    for known in knownMountOptions where known != "idmap" && known != "ridmap" {
      #expect(words.contains(known), "\(known)")
    }
    for word in words where word.allSatisfy(\.isLetter) && word != "newinstance" {
      #expect(knownMountOptions.contains(word), "\(word)")
    }
  }

  @Test(arguments: [("idmap", false), ("ridmap", true)])
  func anIdMapIsForWhatIsNotMountedYet(_ word: String, _ recursive: Bool) throws {
    for words in [[word], ["bind", word]] {
      let plan = try MountPlanTests.plan(words)
      #expect(plan.idMap == MountPlan.IDMapPlan(recursive: recursive, users: [], groups: []))
    }
    #expect(throws: Failure.self) { try MountPlanTests.plan(["remount", word]) }
    #expect(throws: Failure.self) { try MountPlanTests.plan(["bind", "remount", word]) }
  }

  @Test func theLastOfContradictingWordsCounts() throws {
    let plan = try MountPlanTests.plan(["ro", "rw", "exec", "noexec", "noatime", "relatime", "atime", "strictatime"])
    #expect(plan.set == [.noExec, .strictAccessTime])
    #expect(plan.clear == [.readOnly, .accessTime])
  }

  @Test func aBindLeavesDataOutAndNeedsASource() throws {
    let plan = try MountPlanTests.plan(["bind", "size=1m"])
    #expect(plan.data.isEmpty && plan.ignored == ["size"])
    #expect(throws: Failure.self) { try MountPlanTests.plan(["bind"], source: nil) }
    #expect(throws: Failure.self) { try MountPlanTests.plan([], type: nil) }
  }

  @Test func aTypeMakesABindToo() throws {
    #expect(try MountPlanTests.plan([], type: "bind").source == .bind(path: "/bundle/source", recursive: false))
    #expect(try MountPlanTests.plan([], type: "rbind", source: "/x").source == .bind(path: "/x", recursive: true))
  }
}

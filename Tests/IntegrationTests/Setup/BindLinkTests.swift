import Foundation
import Testing

extension Integration {
  /// Symbolic links at the ends of a bind: `src-nofollow`, `dest-nofollow` and `copy-symlink`.
  @Suite struct BindLinks {
    /// A link `link` to the file `file`, in a directory of the bundle, and a link `link` to `name` in the container's /etc.
    private static func withLinks(_ body: (Bundle) throws -> Void) throws {
      try withBundle { bundle throws in
        try Files.write("theirs", to: bundle.workspace + "/file")
        try Files.makeLink(bundle.workspace + "/link", to: "file")
        try Files.write("ours", to: bundle.rootfs + "/etc/name")
        try Files.makeLink(bundle.rootfs + "/etc/link", to: "name")
        try body(bundle)
      }
    }

    @Test func aLinkIsFollowedUnlessAnOptionSaysOtherwise() throws {
      try BindLinks.withLinks { bundle throws in
        bundle.mount("/etc/link", type: "bind", from: bundle.workspace + "/link", "bind")
        try bundle.expect("readlink /etc/link; cat /etc/name", prints: "name\ntheirs")
      }
    }

    @Test func theLinkAtTheDestinationIsMountedOver() throws {
      try BindLinks.withLinks { bundle throws in
        bundle.mount("/etc/link", type: "bind", from: bundle.workspace + "/file", "bind", "dest-nofollow")
        try bundle.expect("cat /etc/link /etc/name; readlink /etc/link || echo file", prints: "theirsoursfile")
      }
    }

    @Test func theLinkThatIsTheSourceIsBound() throws {
      try BindLinks.withLinks { bundle throws in
        try Files.makeLink(bundle.workspace + "/dangling", to: "nowhere")
        bundle.mount("/new", type: "bind", from: bundle.workspace + "/dangling", "bind", "src-nofollow")
        bundle.mount(
          "/etc/link", type: "bind", from: bundle.workspace + "/link", "bind", "src-nofollow", "dest-nofollow")
        try bundle.expect(
          "readlink /new; readlink /etc/link; cat /etc/name; grep -c ' /etc/link ' /proc/self/mountinfo",
          prints: "nowhere\nfile\nours1")
        // It is a mount, of which the image knows nothing but a place to put it.
        #expect(Files.link(bundle.rootfs + "/etc/link") == "name" && Files.link(bundle.rootfs + "/new") == nil)
      }
    }

    @Test func whatIsNoLinkIsBoundAsEver() throws {
      try BindLinks.withLinks { bundle throws in
        let words = ["src-nofollow", "dest-nofollow", "copy-symlink"]
        for word in words {
          bundle.mount("/dir-" + word, type: "bind", from: bundle.workspace, "bind", word)
          bundle.mount("/file-" + word, type: "bind", from: bundle.workspace + "/file", "bind", word)
        }
        try bundle.expect(
          words.map { "cat /dir-\($0)/file /file-\($0)" }.joined(separator: ";"),
          prints: String(repeating: "theirs", count: 6))
      }
    }

    @Test func aLinkIsCopied() throws {
      try BindLinks.withLinks { bundle throws in
        try Files.makeLink(bundle.workspace + "/dangling", to: "/no/where")
        bundle.mount("/a/new/link", type: "bind", from: bundle.workspace + "/dangling", "bind", "copy-symlink")
        try bundle.expect(
          "readlink /a/new/link; grep -c ' /a/new' /proc/self/mountinfo || true", prints: "/no/where\n0")
        // Next time it is there.
        try bundle.expect("readlink /a/new/link", prints: "/no/where")
      }
    }

    @Test(.enabled(if: Machine.hasUserNamespaces, "needs user namespaces"))
    func aLinkThatOnlyRootReachesIsCopiedIntoAUserNamespace() throws {
      try BindLinks.withLinks { bundle throws in
        bundle.mapIDs(to: 100000)
        bundle.giveRootfs(to: 100000)
        try Files.makeDirectory(bundle.workspace + "/private", mode: 0o700)
        try Files.makeLink(bundle.workspace + "/private/link", to: "target")
        bundle.mount("/new", type: "bind", from: bundle.workspace + "/private/link", "bind", "copy-symlink")
        try bundle.expect("readlink /new", prints: "target")
      }
    }

    @Test(arguments: ["name", "link"])
    func somethingElseAtTheDestinationIsLeftAlone(_ name: String) throws {
      try BindLinks.withLinks { bundle throws in
        bundle.mount("/etc/" + name, type: "bind", from: bundle.workspace + "/link", "bind", "copy-symlink")
        bundle.expectRefused(
          try bundle.tryCreate(), "create", ["mount #1", "/etc/" + name, "symlinkat", "File exists"])
        #expect(Files.link(bundle.rootfs + "/etc/link") == "name")
      }
    }

    @Test func aDirectoryDoesNotCoverALink() throws {
      try BindLinks.withLinks { bundle throws in
        bundle.mount("/etc/link", type: "bind", from: bundle.workspace, "bind", "dest-nofollow")
        bundle.expectRefused(try bundle.tryCreate(), "create", ["mount #1", "/etc/link", "Not a directory"])
      }
    }
  }
}

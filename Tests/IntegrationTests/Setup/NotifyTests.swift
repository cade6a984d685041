import CTestSupport
import Foundation
import Testing

extension Integration {
  /// What a container says to a service manager: the test is the manager, and speaks for the container.
  @Suite struct Notifications {
    /// A manager that listens at a path of the bundle's, or elsewhere.
    private final class Manager {
      let path: String
      private let descriptor: Int32

      convenience init(_ bundle: Bundle) throws { try self.init(bundle, bundle.workspace + "/manager") }

      init(_ bundle: Bundle, _ path: String) throws {
        self.path = path
        descriptor = ct_bind_datagram(path)
        if descriptor < 0 { throw TestError.system("bind \(path)") }
        _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
        bundle.environment = ["NOTIFY_SOCKET=" + path]
      }

      deinit { close(descriptor) }

      /// The next message; `nil`: none came in time.
      func message() -> String? {
        var bytes = [UInt8](repeating: 0, count: 8192)
        var count = -1
        _ = waitUntil {
          count = recv(descriptor, &bytes, bytes.count, 0)
          return count >= 0
        }
        return count < 0 ? nil : String(decoding: bytes.prefix(count), as: UTF8.self)
      }
    }

    /// Says something from inside: the socket is reached through the container's own root.
    private static func say(_ bundle: Bundle, _ text: String, descriptor: Int32 = -1) throws {
      let path = "/proc/\(try bundle.pid())/root/run/notify/notify.sock"
      let said = waitUntil { ct_send_datagram(path, text, descriptor) == 0 }
      try #require(said, "nobody listens at \(path)")
    }

    private static let program = ["sh", "-c", "echo $NOTIFY_SOCKET > /variable; exec sleep 1000"]

    @Test func startEndsWhenTheContainerIsReady() throws {
      try withBundle { bundle throws in
        let manager = try Manager(bundle)
        bundle.arguments = Notifications.program
        try bundle.create()
        let start = try bundle.begin(["start", bundle.id])
        try Notifications.say(bundle, "STATUS=coming up")
        #expect(manager.message() == "STATUS=coming up")
        #expect(Children.shared.status(of: start.pid) == nil)
        // Who waits for it keeps nobody else from working on it.
        #expect(try bundle.apus("update", bundle.id).description == Outcome.silent)
        try Notifications.say(bundle, "STATUS=up\nREADY=1\n")
        #expect(manager.message() == "STATUS=up\nREADY=1\nMAINPID=\(try bundle.pid())")
        #expect(try start.finish().status == 0)
        #expect(try Files.read(bundle.rootfs + "/variable") == "/run/notify/notify.sock\n")
      }
    }

    @Test func startEndsWithTheContainerThatIsNeverReady() throws {
      try withBundle { bundle throws in
        _ = try Manager(bundle)
        bundle.arguments = ["true"]
        try bundle.create()
        #expect(try bundle.apus("start", bundle.id).status == 0)
      }
    }

    @Test func attachedAllIsPassedOnUntilTheContainerEnds() throws {
      try withBundle { bundle throws in
        let manager = try Manager(bundle)
        bundle.arguments = Notifications.program
        try bundle.writeConfig()
        let run = try bundle.begin(["run", "-b", bundle.directory, bundle.id])
        try #require(waitUntil { Files.exists(bundle.rootfs + "/variable") })
        for message in ["READY=1", "WATCHDOG=1", "STOPPING=1"] {
          try Notifications.say(bundle, message)
          #expect(manager.message() == message)
        }
        try bundle.apus("kill", bundle.id, "KILL")
        #expect(try run.finish().status == 137)
        bundle.expectNothingLeft()
      }
    }

    @Test func detachedRunEndsWhenTheContainerIsReady() throws {
      try withBundle { bundle throws in
        let manager = try Manager(bundle)
        bundle.arguments = Notifications.program
        try bundle.writeConfig()
        let run = try bundle.begin(["run", "--detach", "-b", bundle.directory, bundle.id])
        try #require(waitUntil { Files.exists(bundle.rootfs + "/variable") })
        try Notifications.say(bundle, "READY=1")
        #expect(manager.message() == "READY=1\nMAINPID=\(try bundle.pid())")
        #expect(try run.finish().status == 0)
      }
    }

    @Test func aManagerMayListenInTheAbstractNamespace() throws {
      try withBundle { bundle throws in
        let manager = try Manager(bundle, "@" + bundle.marker)
        bundle.arguments = Notifications.program
        try bundle.create()
        let start = try bundle.begin(["start", bundle.id])
        try Notifications.say(bundle, "READY=1")
        #expect(manager.message() == "READY=1\nMAINPID=\(try bundle.pid())")
        #expect(try start.finish().status == 0)
      }
    }

    @Test func whatIsNotTheContainersToSayIsKeptBack() throws {
      try withBundle { bundle throws in
        let manager = try Manager(bundle)
        bundle.arguments = Notifications.program
        try bundle.create()
        let start = try bundle.begin(["start", bundle.id])
        // The sender of a barrier waits until its descriptor is closed.
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        _ = fcntl(ends[0], F_SETFL, O_NONBLOCK)
        defer { close(ends[0]) }
        try Notifications.say(bundle, "BARRIER=1", descriptor: ends[1])
        close(ends[1])
        var byte: UInt8 = 0
        #expect(waitUntil { read(ends[0], &byte, 1) == 0 })
        try Notifications.say(bundle, "MAINPID=1\nNOTIFYACCESS=all\nFDSTORE=1\nSTATUS=x\nMAINPID\nREADY=1")
        #expect(manager.message() == "STATUS=x\nREADY=1\nMAINPID=\(try bundle.pid())")
        #expect(try start.finish().status == 0)
      }
    }

    @Test func aManagerThatHasGoneStopsNobody() throws {
      try withBundle { bundle throws in
        _ = try Manager(bundle)
        unlink(bundle.workspace + "/manager")
        bundle.arguments = Notifications.program
        try bundle.create()
        let start = try bundle.begin(["start", bundle.id])
        try Notifications.say(bundle, "READY=1")
        #expect(try start.finish().status == 0)
      }
    }

    @Test(.enabled(if: Machine.hasUserNamespaces, "needs user namespaces"))
    func aMappedRootMaySpeakToo() throws {
      try withBundle { bundle throws in
        let manager = try Manager(bundle)
        bundle.mapIDs(to: 100000)
        bundle.arguments = ["sh", "-c", "test -w $NOTIFY_SOCKET && touch /writable; exec sleep 1000"]
        try bundle.create()
        let start = try bundle.begin(["start", bundle.id])
        #expect(waitUntil { Files.exists(bundle.rootfs + "/writable") })
        try Notifications.say(bundle, "READY=1")
        #expect(manager.message()?.hasPrefix("READY=1\n") == true)
        #expect(try start.finish().status == 0)
      }
    }

    @Test func theManagersSocketAndDirectoryCannotBeTouched() throws {
      try withBundle { bundle throws in
        let manager = try Manager(bundle)
        let script =
          "rm /run/notify/notify.sock 2>/dev/null || echo refused; touch /run/notify/x 2>/dev/null || echo refused"
        bundle.config["process"]["capabilities"] = Processing.capabilities(["CAP_DAC_OVERRIDE"])
        try bundle.expect(script + "; ls /run/notify", prints: "refused\nrefused\nnotify.sock")
        #expect(Files.exists(manager.path))
      }
    }

    @Test(arguments: ["", "vsock:2:1234", "relative"])
    func whatIsNoUnixSocketMeansNoManager(_ value: String) throws {
      try withBundle { bundle throws in
        bundle.environment = ["NOTIFY_SOCKET=" + value]
        try bundle.expect("echo \"<$NOTIFY_SOCKET>\"; ls /run 2>/dev/null | wc -l", prints: "<>\n0")
      }
    }

    @Test func aSocketOfTheBundlesOwnIsLeftAlone() throws {
      try withBundle { bundle throws in
        _ = try Manager(bundle)
        bundle.config["process"]["env"].append("NOTIFY_SOCKET=/run/mine")
        try bundle.expect("echo $NOTIFY_SOCKET; test -e /run/notify || echo none", prints: "/run/mine\nnone")
      }
    }
  }
}

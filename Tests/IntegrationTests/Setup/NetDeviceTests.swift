import Foundation
import Testing

extension Integration {
  /// Network devices of the host that a container gets. The host's part is played by a network namespace of the test.
  @Suite(.enabled(if: Machine.has("ip") && Machine.canMakeDevices, "needs ip and devices of type veth"))
  struct NetDevices {
    /// A bundle whose runtime runs in a network namespace that has the device `name`, with addresses.
    private func withDevice(_ body: (Bundle, String) throws -> Void) throws {
      let name = Scratch.name("apus-test-\(getpid())-")
      try #require(try host("ip", "netns", "add", name).status == 0)
      defer { _ = try? host("ip", "netns", "delete", name) }
      for line in [
        "link add host0 type veth peer name host1", "link set host0 address 02:00:00:00:00:07 mtu 1400",
        "addr add 10.7.0.2/24 dev host0", "addr add 10.7.1.2 peer 10.7.1.1 dev host0",
        "addr add fd00:7::2/64 dev host0 nodad", "addr add 169.254.7.7/16 scope link dev host0",
        "link set host0 up", "link set host1 up",
      ] {
        let outcome = try Command(
          ["/usr/bin/env", "ip", "-n", name] + line.split(separator: " ").map(String.init),
          environment: ["PATH=\(Machine.path)"]
        ).finish()
        try #require(outcome.status == 0, "\(line): \(outcome)")
      }
      try withBundle { bundle throws in
        // Not `ip netns exec`, which hides the cgroups.
        bundle.runtime = ["/usr/bin/env", "nsenter", "--net=/run/netns/\(name)"] + bundle.runtime
        try body(bundle, name)
      }
    }

    private func devices(in namespace: String) throws -> String { try host("ip", "-n", namespace, "-o", "link").output }

    private static let addresses = "ip -o addr show dev $1 | awk '{ print $3, $4, $5, $6 }' | grep -v fe80 | sort"

    @Test func aDeviceArrivesUpUnderItsNewNameWithItsAddresses() throws {
      try withDevice { bundle, namespace throws in
        bundle.config["linux"]["netDevices"] = ["host0": ["name": "eth7"]]
        let lines = try bundle.output(
          of:
            "cat /sys/class/net/eth7/address /sys/class/net/eth7/mtu 2>/dev/null; ip -o link show dev eth7; ip -o addr show dev eth7"
        )
        #expect(lines.contains("<BROADCAST,MULTICAST,UP"))
        #expect(lines.contains("mtu 1400"))
        #expect(lines.contains("02:00:00:00:00:07"))
        #expect(lines.contains("inet 10.7.0.2/24"))
        #expect(lines.contains("inet 10.7.1.2 peer 10.7.1.1/32"))
        #expect(lines.contains("inet6 fd00:7::2/64"))
        #expect(!lines.contains("169.254.7.7"))
      }
    }

    @Test func withoutANewNameTheNameStays() throws {
      try withDevice { bundle, namespace throws in
        bundle.config["linux"]["netDevices"] = ["host0": [:]]
        try bundle.launch("sleep", "1000")
        #expect(!(try devices(in: namespace).contains("host0")))
        let pid = String(try bundle.pid())
        let inside = try host("nsenter", "--net=/proc/\(pid)/ns/net", "ip", "-o", "link").output
        #expect(inside.contains("host0"))
      }
    }

    @Test func aTemplateTakesTheFirstFreeNumber() throws {
      try withDevice { bundle, namespace throws in
        bundle.config["linux"]["netDevices"] = ["host0": ["name": "eth%d"], "host1": ["name": "eth%d"]]
        let lines = try bundle.output(of: "ip -o link | cut -d' ' -f2 | cut -d@ -f1 | tr -d : | sort")
        #expect(lines.contains("eth0\neth1"))
      }
    }

    @Test func aUserNamespaceIsNoObstacle() throws {
      try withDevice { bundle, namespace throws in
        bundle.mapIDs(to: 100_000)
        bundle.config["linux"]["netDevices"] = ["host0": ["name": "eth0"]]
        #expect(try bundle.output(of: "ip -o addr show dev eth0").contains("inet 10.7.0.2/24"))
      }
    }

    @Test func aJoinedNamespaceGetsTheDevice() throws {
      try withDevice { bundle, namespace throws in
        let other = namespace + "o"
        try #require(try host("ip", "netns", "add", other).status == 0)
        defer { _ = try? host("ip", "netns", "delete", other) }
        bundle.namespace("network", path: "/run/netns/\(other)")
        bundle.config["linux"]["netDevices"] = ["host0": [:]]
        #expect(try bundle.output(of: "ip -o addr show dev host0").contains("inet 10.7.0.2/24"))
        #expect(try devices(in: other).contains("host0"))
      }
    }

    // MARK: failures

    @Test func aDeviceThatDoesNotExistIsRefusedAndTheOthersStay() throws {
      try withDevice { bundle, namespace throws in
        bundle.config["linux"]["netDevices"] = ["host0": [:], "nothing0": [:]]
        bundle.expectRefused(try bundle.tryCreate(), "create", ["linux.netDevices \"nothing0\"", "No such device"])
        #expect(try devices(in: namespace).contains("host0"))
      }
    }

    @Test(arguments: [["host0": "lo"], ["host0": "eth0", "host1": "eth0"]])
    func aNameThatIsTakenIsRefused(_ names: [String: String]) throws {
      try withDevice { bundle, namespace throws in
        bundle.config["linux"]["netDevices"] = .object(names.mapValues { ["name": .string($0)] })
        bundle.expectRefused(try bundle.tryCreate(), "create", ["linux.netDevices", "File exists"])
        #expect(try devices(in: namespace).contains("host0"))
      }
    }

    @Test func theLoopbackCannotBeMoved() throws {
      try withDevice { bundle, namespace throws in
        bundle.config["linux"]["netDevices"] = ["lo": ["name": "lo7"]]
        bundle.expectRefused(try bundle.tryCreate(), "create", ["linux.netDevices \"lo\"", "Invalid argument"])
      }
    }

    @Test func whatWasMovedComesBackWhenTheCreationFails() throws {
      try withDevice { bundle, namespace throws in
        bundle.config["linux"]["netDevices"] = ["host0": ["name": "eth0"], "host1": [:]]
        bundle.arguments = ["/does/not/exist"]
        bundle.expectRefused(try bundle.tryCreate(), "create", ["no such file"])
        let state = try host("ip", "-n", namespace, "-o", "addr", "show", "dev", "host0").output
        #expect(state.contains("10.7.0.2/24") && state.contains("fd00:7::2/64"))
        #expect(
          try devices(in: namespace).split(separator: "\n").contains { $0.contains("host0") && $0.contains(",UP") })
        #expect(try devices(in: namespace).contains("host1"))
      }
    }
  }
}

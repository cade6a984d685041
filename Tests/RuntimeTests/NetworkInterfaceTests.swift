import Testing

@testable import Runtime

@Suite struct NetworkInterfaces {
  /// proc_pid_net(5): two headings, a name may hold anything but a blank and a slash, the columns run together when wide.
  @Test func theTableOfTheKernelIsRead() {
    let table = """
      Inter-|   Receive                                                |  Transmit
       face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
          lo:     100       2    0    0    0     0          0         0      100       2    0    0    0     0       0          0
        eth0: 1048576     700    3    4    0     0          0        12   524288     600    5    6    0     0       0          0
      eth0:1:18446744073709551615 1 2 3 0 0 0 0 4 5 6 7 0 0 0 0

      """
    #expect(
      NetworkInterface.parse(Array(table.utf8)) == [
        NetworkInterface(
          name: "eth0", received: .init(bytes: 1_048_576, packets: 700, errors: 3, dropped: 4),
          sent: .init(bytes: 524_288, packets: 600, errors: 5, dropped: 6)),
        NetworkInterface(
          name: "eth0:1", received: .init(bytes: .max, packets: 1, errors: 2, dropped: 3),
          sent: .init(bytes: 4, packets: 5, errors: 6, dropped: 7)),
      ])
  }
}

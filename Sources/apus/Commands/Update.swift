import Linux
import OCI
import Runtime

/// `update`: changes limits of a container.
struct Update: Command {
  static var name: StaticString { "update" }
  static var summary: StaticString { "change limits of a container" }
  static var discussion: StaticString {
    """
    Either all of it takes effect or nothing. SIZE is a number of bytes, or one with a unit, such as 64M or 1.5GiB; -1 is
    "unlimited". The document FILE is a resources object of config.json; options win over it. What neither names, or names
    with zero, stays as it is.
    """
  }

  private var id = ""
  private var document: String?
  private var memory = Resources.Memory()
  private var cpu = Resources.CPU()
  private var pids = Resources.Pids()
  private var blockIO = Resources.BlockIO()
  private var shares = Config.IntelRdt()

  private typealias Resources = Config.Linux.Resources

  static func arguments(_ table: inout ArgumentTable<Update>) {
    table.value("resources", letter: "r", "FILE", "limits as JSON; -: from standard input", as: nonEmpty) {
      $0.document = $1
    }
    memory(&table)
    cpu(&table)
    table.value("pids-limit", "N", "processes at most; -1: unlimited", as: integer) { $0.pids.limit = $1 }
    table.value("blkio-weight", "N", "share of disk bandwidth, 10 to 1000", as: unsigned) { $0.blockIO.weight = $1 }
    table.value("l3-cache-schema", "LINES", "share of the processor's cache, such as L3:0=7f0;1=1f", as: nonEmpty) {
      $0.shares.l3CacheSchema = $1
    }
    table.value("mem-bw-schema", "LINE", "share of memory bandwidth, such as MB:0=20;1=70", as: nonEmpty) {
      $0.shares.memBwSchema = $1
    }
    table.required("ID") { $0.id = $1 }
  }

  private static func memory(_ table: inout ArgumentTable<Update>) {
    table.value("memory", "SIZE", "memory at most", as: size) { $0.memory.limit = $1 }
    table.value("memory-reservation", "SIZE", "memory that is left when it gets scarce", as: size) {
      $0.memory.reservation = $1
    }
    table.value("memory-swap", "SIZE", "memory and swap together at most", as: size) { $0.memory.swap = $1 }
    table.value("kernel-memory", "SIZE", "kernel memory; Linux before 5.16 and cgroup v1 only", as: size) {
      $0.memory.kernel = $1
    }
    table.value("kernel-memory-tcp", "SIZE", "memory for TCP buffers; cgroup v1 only", as: size) {
      $0.memory.kernelTCP = $1
    }
  }

  private static func cpu(_ table: inout ArgumentTable<Update>) {
    table.value("cpu-share", "N", "weight against others, 2 to 262144", as: unsigned) { $0.cpu.shares = $1 }
    table.value("cpu-quota", "US", "CPU time a period; -1: unlimited", as: integer) { $0.cpu.quota = $1 }
    table.value("cpu-period", "US", "the period of the quota", as: unsigned) { $0.cpu.period = $1 }
    table.value("cpu-burst", "US", "unused CPU time that may be saved up", as: unsigned) { $0.cpu.burst = $1 }
    table.value("cpu-rt-runtime", "US", "real-time CPU time a period; cgroup v1 only", as: integer) {
      $0.cpu.realtimeRuntime = $1
    }
    table.value("cpu-rt-period", "US", "the period of that; cgroup v1 only", as: unsigned) {
      $0.cpu.realtimePeriod = $1
    }
    table.value("cpu-idle", "0|1", "1: only what others leave over", as: integer) { $0.cpu.idle = $1 }
    table.value("cpuset-cpus", "LIST", "CPUs, such as 0-3,7") { $0.cpu.cpus = $1.isEmpty ? nil : $1 }
    table.value("cpuset-mems", "LIST", "memory nodes, such as 0-1") { $0.cpu.mems = $1.isEmpty ? nil : $1 }
  }

  func run(in session: Session) throws(Failure) -> Int32 {
    var changes = try Update.read(document)
    changes.merge(Resources(memory: memory, cpu: cpu, pids: pids, blockIO: blockIO))
    try session.store.update(ContainerID(id), changes, shares: shares == Config.IntelRdt() ? nil : shares)
    return 0
  }

  private static func read(_ document: String?) throws(Failure) -> Resources {
    guard let document else { return Resources() }
    let bytes = try step("--resources") { () throws(SystemError) in try readDocument(document) }
    return try ContainerStore.resources(json: bytes, file: document == "-" ? "standard input" : document)
  }

  /// Reads a number of bytes: `67108864`, `64M`, `64 MiB`, `1.5g`; -1 is "unlimited". Units are powers of 1024.
  static func size(_ text: String) throws(Failure) -> Int64 {
    if text == "-1" { return -1 }
    let refusal = Failure("\"" + text + "\" is no size; write bytes, or a number and a unit such as 64M, or -1")
    var rest = text.utf8[...]
    func number() -> (value: UInt64, digits: Int)? {
      let digits = rest.prefix { $0 >= 48 && $0 <= 57 }
      rest = rest.dropFirst(digits.count)
      return decimal(digits).map { ($0, digits.count) }
    }
    guard let whole = number() else { throw refusal }
    var fraction: (value: UInt64, digits: Int) = (0, 0)
    if rest.first == UInt8(ascii: ".") {
      rest = rest.dropFirst()
      guard let found = number(), found.digits <= 9 else { throw refusal }
      fraction = found
    }
    guard let unit = unit(rest) else { throw refusal }
    var parts: UInt64 = 1
    for _ in 0..<fraction.digits { parts *= 10 }
    let (bytes, overflow) = whole.value.multipliedReportingOverflow(by: unit)
    // In 128 bits: the fraction of a petabyte does not fit into 64.
    let (high, low) = fraction.value.multipliedFullWidth(by: unit)
    let (sum, carry) = bytes.addingReportingOverflow(parts.dividingFullWidth((high, low)).quotient)
    guard !overflow, !carry, let size = Int64(exactly: sum) else { throw refusal }
    return size
  }

  /// `""`, `b`, `k`, `kb`, `kib`, …, in letters of any size, with a blank in front or without.
  private static func unit(_ text: Substring.UTF8View) -> UInt64? {
    var letters = text.map { $0 >= 65 && $0 <= 90 ? $0 + 32 : $0 }[...]
    if letters.first == UInt8(ascii: " ") { letters = letters.dropFirst() }
    var unit: UInt64 = 1
    if let letter = letters.first, let power = Array("kmgtp".utf8).firstIndex(of: letter) {
      unit = 1 << UInt64(10 * (power + 1))
      letters = letters.dropFirst()
      if letters.first == UInt8(ascii: "i") { letters = letters.dropFirst() }
    }
    if letters.first == UInt8(ascii: "b") { letters = letters.dropFirst() }
    return letters.isEmpty ? unit : nil
  }
}

/// Reads a whole number.
private func integer(_ text: String) throws(Failure) -> Int64 {
  let isNegative = text.hasPrefix("-")
  if let magnitude = decimal(text.utf8.dropFirst(isNegative ? 1 : 0)), let number = Int64(exactly: magnitude) {
    return isNegative ? -number : number
  }
  throw Failure("\"" + text + "\" is no whole number")
}

/// Reads a whole number that is not negative, of the type that is wanted.
private func unsigned<T: FixedWidthInteger & UnsignedInteger>(_ text: String) throws(Failure) -> T {
  if let number = decimal(text.utf8), let value = T(exactly: number) { return value }
  throw Failure("\"" + text + "\" is no number from 0 to " + String(T.max))
}

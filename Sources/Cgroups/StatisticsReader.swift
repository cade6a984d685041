import Linux

extension Cgroup {
  /// Reads what every controller has counted: each file once, in one go, gone through byte by byte.
  ///
  /// - Throws: when the cgroup is gone. A single file that is missing is what an older kernel does not count.
  public func statistics() throws(Failure) -> Statistics {
    var statistics = Statistics()
    guard let leading else { return statistics }
    guard pathExists(leading.directory) else {
      throw Failure("cgroup: " + leading.directory + " does not exist any more", errno: .noSuchFileOrDirectory)
    }
    for hierarchy in hierarchies {
      guard let files = StatisticsFiles(hierarchy.directory) else { continue }
      switch hierarchy.kind {
      case .v1: files.readV1(hierarchy, &statistics)
      case .v2: files.readV2(&statistics, isOnly: hierarchies.count == 1)
      }
    }
    return statistics
  }
}

/// The files of one directory as far as they count something.
private struct StatisticsFiles: ~Copyable {
  private let directory: Directory

  init?(_ path: String) {
    guard let directory = try? Directory(path: path, .path) else { return nil }
    self.directory = directory
  }

  private func bytes(_ file: String, upTo size: Int = 8192) -> [UInt8] {
    (try? directory.open(file, .readOnly).read(upTo: size)) ?? []
  }

  private func value(_ file: String) -> UInt64 { number(bytes(file, upTo: 64)[...]) }

  // MARK: cgroup v1

  func readV1(_ hierarchy: Hierarchy, _ statistics: inout Statistics) {
    if hierarchy.controls("cpu") { readThrottling(FlatKeyed(bytes("cpu.stat")), &statistics.cpu) }
    if hierarchy.controls("cpuacct") { readUsage(&statistics.cpu) }
    if hierarchy.controls("cpuset") { statistics.cpuset = cpuset() }
    if hierarchy.controls("memory") { readMemoryV1(&statistics.memory) }
    if hierarchy.controls("pids") { readPids(&statistics.pids) }
    if hierarchy.controls("blkio") { readBlkio(&statistics.blkio) }
    if hierarchy.controls("hugetlb") { readHugetlb(&statistics.hugetlb, used: ".usage_in_bytes") }
  }

  private func readThrottling(_ stat: FlatKeyed, _ cpu: inout Statistics.CPU) {
    stat.forEach { name, value in
      if name.elementsEqual("nr_periods".utf8) { cpu.periods = value }
      if name.elementsEqual("nr_throttled".utf8) { cpu.throttledPeriods = value }
      if name.elementsEqual("throttled_time".utf8) { cpu.throttledTime = value }
      if name.elementsEqual("nr_bursts".utf8) { cpu.burstPeriods = value }
      if name.elementsEqual("burst_time".utf8) { cpu.burstTime = value }
    }
  }

  /// cpuacct.usage_all: a heading, then `cpu user system` a line, in nanoseconds.
  private func readUsage(_ cpu: inout Statistics.CPU) {
    var fields: (UInt64, UInt64, UInt64) = (0, 0, 0)
    var column = 0
    var isNumber = false
    for byte in bytes("cpuacct.usage_all", upTo: 65536) {
      switch byte {
      case UInt8(ascii: "\n"):
        if column >= 2 && isNumber {
          cpu.perCPUUser.append(fields.1)
          cpu.perCPUKernel.append(fields.2)
          cpu.user &+= fields.1
          cpu.kernel &+= fields.2
        }
        fields = (0, 0, 0)
        column = 0
        isNumber = false
      case UInt8(ascii: " "): column += 1
      case 48...57:
        isNumber = true
        let digit = UInt64(byte - 48)
        if column == 0 { fields.0 = fields.0 &* 10 &+ digit }
        if column == 1 { fields.1 = fields.1 &* 10 &+ digit }
        if column == 2 { fields.2 = fields.2 &* 10 &+ digit }
      default: break
      }
    }
    cpu.total = value("cpuacct.usage")
  }

  private func readMemoryV1(_ memory: inout Statistics.Memory) {
    memory.all = FlatKeyed(bytes("memory.stat"))
    memory.cache = memory.all["cache"]
    memory.memory = usage("memory.")
    memory.swap = usage("memory.memsw.")
    memory.kernel = usage("memory.kmem.")
    memory.kernelTCP = usage("memory.kmem.tcp.")
    memory.events = FlatKeyed(bytes("memory.oom_control"))
  }

  private func usage(_ prefix: String) -> Statistics.MemoryUsage {
    Statistics.MemoryUsage(
      usage: value(prefix + "usage_in_bytes"), max: value(prefix + "max_usage_in_bytes"),
      limit: value(prefix + "limit_in_bytes"), failures: value(prefix + "failcnt"))
  }

  private func cpuset() -> Statistics.CPUSet {
    var set = Statistics.CPUSet()
    set.cpus = list("cpuset.cpus")
    set.mems = list("cpuset.mems")
    set.cpuExclusive = value("cpuset.cpu_exclusive")
    set.memExclusive = value("cpuset.mem_exclusive")
    set.memHardwall = value("cpuset.mem_hardwall")
    set.memoryMigrate = value("cpuset.memory_migrate")
    set.memoryPressure = value("cpuset.memory_pressure")
    set.memorySpreadPage = value("cpuset.memory_spread_page")
    set.memorySpreadSlab = value("cpuset.memory_spread_slab")
    set.schedLoadBalance = value("cpuset.sched_load_balance")
    let level = bytes("cpuset.sched_relax_domain_level", upTo: 64)[...]
    set.schedRelaxDomainLevel =
      level.first == UInt8(ascii: "-") ? -Int64(number(level.dropFirst())) : Int64(number(level))
    return set
  }

  /// `0-2,7` as 0, 1, 2 and 7.
  private func list(_ file: String) -> [UInt64] {
    let text = bytes(file).prefix { $0 != UInt8(ascii: "\n") }
    // The kernel's numbers of CPUs and nodes stay far below.
    let words = bitMask(list: String(decoding: text, as: UTF8.self), limit: 65536) ?? []
    return (0..<UInt64(words.count * 64)).filter { words[Int($0 / 64)] >> ($0 % 64) & 1 == 1 }
  }

  private func readPids(_ pids: inout Statistics.Pids) {
    pids.current = value("pids.current")
    let limit = value("pids.max")
    pids.limit = limit == .max ? 0 : limit
  }

  /// The scheduler's own counters where it has any, else those of the throttling layer.
  private func readBlkio(_ blkio: inout Statistics.BlockIO) {
    for prefix in ["blkio.bfq.", "blkio."] where directory.contains(prefix + "io_queued_recursive") {
      blkio.queued = entries(prefix + "io_queued_recursive")
      blkio.serviceTime = entries(prefix + "io_service_time_recursive")
      blkio.waitTime = entries(prefix + "io_wait_time_recursive")
      blkio.merged = entries(prefix + "io_merged_recursive")
      blkio.time = entries(prefix + "time_recursive")
      blkio.sectors = entries(prefix + "sectors_recursive")
      break
    }
    for prefix in ["blkio.bfq.", "blkio.", "blkio.throttle."] {
      blkio.serviceBytes = entries(prefix + "io_service_bytes_recursive")
      if blkio.serviceBytes.isEmpty { continue }
      blkio.serviced = entries(prefix + "io_serviced_recursive")
      return
    }
  }

  /// `8:0 Read 4096` a line; lines without a device are sums.
  private func entries(_ file: String) -> [Statistics.BlockEntry] {
    var found: [Statistics.BlockEntry] = []
    for line in bytes(file, upTo: 65536).split(separator: UInt8(ascii: "\n")) {
      guard let colon = line.firstIndex(of: UInt8(ascii: ":")), let blank = line.firstIndex(of: UInt8(ascii: " ")),
        colon < blank, let last = line.lastIndex(of: UInt8(ascii: " "))
      else { continue }
      let operation = last > blank ? String(decoding: line[(blank + 1)..<last], as: UTF8.self) : ""
      found.append(
        Statistics.BlockEntry(
          major: number(line[..<colon]), minor: number(line[(colon + 1)..<blank]), operation: operation,
          value: number(line[(last + 1)...])))
    }
    return found
  }

  /// One entry a page size, as the files in the directory say.
  private func readHugetlb(_ hugetlb: inout [Statistics.Hugetlb], used suffix: String) {
    for name in (try? directory.names()) ?? [] where name.hasPrefix("hugetlb.") && name.hasSuffix(suffix) {
      let size = String(name.dropFirst(8).dropLast(suffix.count))
      if size.utf8.contains(UInt8(ascii: ".")) { continue }  // hugetlb.2MB.rsvd.…
      let prefix = "hugetlb." + size + "."
      var entry = Statistics.Hugetlb(pageSize: size, usage: value(name))
      if suffix == ".current" {
        entry.failures = FlatKeyed(bytes(prefix + "events"))["max"]
      } else {
        entry.max = value(prefix + "max_usage_in_bytes")
        entry.failures = value(prefix + "failcnt")
      }
      hugetlb.append(entry)
    }
  }

  // MARK: cgroup v2

  /// - Parameter isOnly: beside v1, only what v1 does not count is taken: pressure, and controllers that are here.
  func readV2(_ statistics: inout Statistics, isOnly: Bool) {
    statistics.cpu.pressure = pressure("cpu.pressure")
    statistics.memory.pressure = pressure("memory.pressure")
    statistics.blkio.pressure = pressure("io.pressure")
    if isOnly { readCPU(&statistics.cpu) }
    for controller in bytes("cgroup.controllers", upTo: 512).split(whereSeparator: { $0 == 32 || $0 == 10 }) {
      if controller.elementsEqual("memory".utf8) { readMemoryV2(&statistics.memory) }
      if controller.elementsEqual("pids".utf8) { readPids(&statistics.pids) }
      if controller.elementsEqual("io".utf8) { readIO(&statistics.blkio) }
      if controller.elementsEqual("hugetlb".utf8) { readHugetlb(&statistics.hugetlb, used: ".current") }
    }
  }

  /// cpu.stat is there without the controller too, in microseconds.
  private func readCPU(_ cpu: inout Statistics.CPU) {
    FlatKeyed(bytes("cpu.stat")).forEach { name, value in
      if name.elementsEqual("usage_usec".utf8) { cpu.total = value &* 1000 }
      if name.elementsEqual("user_usec".utf8) { cpu.user = value &* 1000 }
      if name.elementsEqual("system_usec".utf8) { cpu.kernel = value &* 1000 }
      if name.elementsEqual("nr_periods".utf8) { cpu.periods = value }
      if name.elementsEqual("nr_throttled".utf8) { cpu.throttledPeriods = value }
      if name.elementsEqual("throttled_usec".utf8) { cpu.throttledTime = value &* 1000 }
      if name.elementsEqual("nr_bursts".utf8) { cpu.burstPeriods = value }
      if name.elementsEqual("burst_usec".utf8) { cpu.burstTime = value &* 1000 }
    }
  }

  private func readMemoryV2(_ memory: inout Statistics.Memory) {
    memory.all = FlatKeyed(bytes("memory.stat"))
    memory.cache = memory.all["file"]
    memory.events = FlatKeyed(bytes("memory.events"))
    memory.memory = Statistics.MemoryUsage(
      usage: value("memory.current"), max: value("memory.peak"), limit: value("memory.max"),
      failures: memory.events["max"])
    // Readers expect both together, as cgroup v1 counts them.
    memory.swap.usage = value("memory.swap.current") &+ memory.memory.usage
    memory.swap.max = value("memory.swap.peak")
    memory.swap.failures = FlatKeyed(bytes("memory.swap.events"))["max"]
    let (sum, overflow) = value("memory.swap.max").addingReportingOverflow(memory.memory.limit)
    memory.swap.limit = overflow ? .max : sum
  }

  /// `8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6` a line.
  private func readIO(_ blkio: inout Statistics.BlockIO) {
    for line in bytes("io.stat", upTo: 65536).split(separator: UInt8(ascii: "\n")) {
      guard let colon = line.firstIndex(of: UInt8(ascii: ":")), let blank = line.firstIndex(of: UInt8(ascii: " ")),
        colon < blank
      else { continue }
      let major = number(line[..<colon])
      let minor = number(line[(colon + 1)..<blank])
      for field in line[blank...].split(separator: UInt8(ascii: " ")) {
        guard let equals = field.firstIndex(of: UInt8(ascii: "=")), let first = field.first else { continue }
        let operation = first == UInt8(ascii: "r") ? "Read" : first == UInt8(ascii: "w") ? "Write" : "Discard"
        let entry = Statistics.BlockEntry(
          major: major, minor: minor, operation: operation, value: number(field[(equals + 1)...]))
        let name = field[..<equals].dropFirst()
        if name.elementsEqual("bytes".utf8) { blkio.serviceBytes.append(entry) }
        if name.elementsEqual("ios".utf8) { blkio.serviced.append(entry) }
      }
    }
  }

  /// `some avg10=0.12 avg60=… avg300=… total=…`, and the same for `full`.
  private func pressure(_ file: String) -> Statistics.Pressure? {
    let text = bytes(file, upTo: 512)
    if text.isEmpty { return nil }
    var pressure = Statistics.Pressure()
    for line in text.split(separator: UInt8(ascii: "\n")) {
      var share = Statistics.Pressure.Share()
      for field in line.split(separator: UInt8(ascii: " ")).dropFirst() {
        guard let equals = field.firstIndex(of: UInt8(ascii: "=")) else { continue }
        let digits = field[(equals + 1)...]
        let name = field[..<equals]
        if name.elementsEqual("avg10".utf8) { share.average10 = hundredths(digits) }
        if name.elementsEqual("avg60".utf8) { share.average60 = hundredths(digits) }
        if name.elementsEqual("avg300".utf8) { share.average300 = hundredths(digits) }
        if name.elementsEqual("total".utf8) { share.total = number(digits) }
      }
      if line.starts(with: "some".utf8) { pressure.some = share } else { pressure.full = share }
    }
    return pressure
  }

  /// `7.95`, always with two places.
  private func hundredths(_ text: ArraySlice<UInt8>) -> UInt64 {
    var value: UInt64 = 0
    for byte in text where byte >= 48 && byte <= 57 { value = value &* 10 &+ UInt64(byte - 48) }
    return value
  }
}

import JSON
import Linux

/// What resctrl says of a group: its shares, what there is to share, and what the processes in it use.
public struct ResourceControlStatistics: Equatable, Sendable {
  /// What the processor can do with one kind of resource: the files of `info/NAME`, by name.
  public var cacheInfo: [Fact] = []
  public var bandwidthInfo: [Fact] = []
  /// The lines of `schemata` for cache and bandwidth: of the default group, which has what nobody took, and of this one.
  public var rootCache: String?
  public var cache: String?
  public var rootBandwidth: String?
  public var bandwidth: String?
  /// By domain of the third level cache, in bytes.
  public var occupancy: [UInt64] = []
  public var totalBandwidth: [UInt64] = []
  public var localBandwidth: [UInt64] = []

  public init() {}

  /// One file of `info`.
  public struct Fact: Equatable, Sendable {
    public var name: String
    public var value: String
  }
}

extension ResourceControl {
  /// Reads shares and use. What the kernel does not have is absent.
  public func statistics() -> ResourceControlStatistics {
    let root = ResourceControl.root(of: directory)
    var statistics = ResourceControlStatistics()
    statistics.cacheInfo = ResourceControl.facts(root + "/info/L3", ["cbm_mask", "min_cbm_bits", "num_closids"])
    statistics.bandwidthInfo = ResourceControl.facts(
      root + "/info/MB", ["bandwidth_gran", "delay_linear", "min_bandwidth", "num_closids"])
    (statistics.rootCache, statistics.rootBandwidth) = ResourceControl.shares(root)
    (statistics.cache, statistics.bandwidth) = ResourceControl.shares(directory)
    let counters = (monitoring ?? directory) + "/mon_data"
    let domains = (try? Directory(path: counters).directoryNames())?.filter { $0.hasPrefix("mon_L3_") }.sorted() ?? []
    for domain in domains {
      // A domain that is not counted says "Unavailable".
      func count(_ file: String) -> UInt64? { readControl(counters + "/" + domain + "/" + file).flatMap { UInt64($0) } }
      if let value = count("llc_occupancy") { statistics.occupancy.append(value) }
      if let value = count("mbm_total_bytes") { statistics.totalBandwidth.append(value) }
      if let value = count("mbm_local_bytes") { statistics.localBandwidth.append(value) }
    }
    return statistics
  }

  private static func facts(_ directory: String, _ names: [String]) -> [ResourceControlStatistics.Fact] {
    names.compactMap { name in readControl(directory + "/" + name).map { .init(name: name, value: $0) } }
  }

  private static func shares(_ group: String) -> (cache: String?, bandwidth: String?) {
    var shares: (cache: String?, bandwidth: String?) = (nil, nil)
    for line in (readControl(group + "/schemata") ?? "").split(separator: "\n") {
      let line = String(line.drop { $0 == " " })
      if line.hasPrefix("L3:") { shares.cache = line }
      if line.hasPrefix("MB:") { shares.bandwidth = line }
    }
    return shares
  }
}

/// The shape that readers of `events --stats` know: runc's field names.
extension ResourceControlStatistics: Writable {
  public func encode(to writer: inout Writer) {
    writer.object { writer in
      ResourceControlStatistics.write("l3_cache_info", cacheInfo, &writer)
      writer.member("l3_cache_schema_root", rootCache)
      writer.member("l3_cache_schema", cache)
      ResourceControlStatistics.write("mem_bw_info", bandwidthInfo, &writer)
      writer.member("mem_bw_schema_root", rootBandwidth)
      writer.member("mem_bw_schema", bandwidth)
      writer.member("mbm_stats", Array(totalBandwidth.indices)) { writer, index in
        writer.object { writer in
          writer.member("mbm_total_bytes", totalBandwidth[index])
          if index < localBandwidth.count { writer.member("mbm_local_bytes", localBandwidth[index]) }
        }
      }
      writer.member("cmt_stats", occupancy) { writer, value in
        writer.object { $0.member("llc_occupancy", value) }
      }
    }
  }

  /// Numbers as numbers; the mask stays the text that it is.
  private static func write(_ key: StaticString, _ facts: [Fact], _ writer: inout Writer) {
    if facts.isEmpty { return }
    writer.key(literal: key)
    writer.object { writer in
      for fact in facts {
        writer.key(fact.name)
        if fact.name != "cbm_mask", let number = UInt64(fact.value) {
          writer.value(number)
        } else {
          writer.value(fact.value)
        }
      }
    }
  }
}

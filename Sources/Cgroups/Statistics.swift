import Linux

/// What a cgroup has used and what happened to it, at one moment. What the kernel does not count is zero or absent.
public struct Statistics: Equatable, Sendable {
  public var cpu = CPU()
  public var memory = Memory()
  public var pids = Pids()
  public var blkio = BlockIO()
  public var hugetlb: [Hugetlb] = []
  public var cpuset: CPUSet?

  /// CPU time in nanoseconds.
  public struct CPU: Equatable, Sendable {
    public var total: UInt64 = 0
    public var user: UInt64 = 0
    public var kernel: UInt64 = 0
    /// By CPU; on cgroup v1 only.
    public var perCPUUser: [UInt64] = []
    public var perCPUKernel: [UInt64] = []
    /// How many periods there were, in how many the quota was used up, and how long tasks waited then.
    public var periods: UInt64 = 0
    public var throttledPeriods: UInt64 = 0
    public var throttledTime: UInt64 = 0
    public var burstPeriods: UInt64 = 0
    public var burstTime: UInt64 = 0
    public var pressure: Pressure?
  }

  /// One kind of memory, in bytes; a limit of `UInt64.max` is none.
  public struct MemoryUsage: Equatable, Sendable {
    public var usage: UInt64 = 0
    /// The most there ever was.
    public var max: UInt64 = 0
    public var limit: UInt64 = 0
    /// How often the limit was hit.
    public var failures: UInt64 = 0
  }

  public struct Memory: Equatable, Sendable {
    /// Page cache.
    public var cache: UInt64 = 0
    public var memory = MemoryUsage()
    /// Memory and swap together, on cgroup v2 too.
    public var swap = MemoryUsage()
    public var kernel = MemoryUsage()
    public var kernelTCP = MemoryUsage()
    /// Everything in memory.stat.
    public var all = FlatKeyed()
    /// memory.events of cgroup v2; on v1 `oom_kill` alone.
    public var events = FlatKeyed()
    public var pressure: Pressure?
  }

  public struct Pids: Equatable, Sendable {
    public var current: UInt64 = 0
    /// 0: none.
    public var limit: UInt64 = 0
  }

  /// A count by device and operation.
  public struct BlockEntry: Equatable, Sendable {
    public var major: UInt64
    public var minor: UInt64
    public var operation: String
    public var value: UInt64
  }

  public struct BlockIO: Equatable, Sendable {
    public var serviceBytes: [BlockEntry] = []
    public var serviced: [BlockEntry] = []
    /// What only CFQ and BFQ with statistics count, on cgroup v1.
    public var queued: [BlockEntry] = []
    public var serviceTime: [BlockEntry] = []
    public var waitTime: [BlockEntry] = []
    public var merged: [BlockEntry] = []
    public var time: [BlockEntry] = []
    public var sectors: [BlockEntry] = []
    public var pressure: Pressure?
  }

  public struct Hugetlb: Equatable, Sendable {
    /// As the kernel writes it: `2MB`.
    public var pageSize: String
    public var usage: UInt64 = 0
    public var max: UInt64 = 0
    public var failures: UInt64 = 0
  }

  /// Where tasks may run, and how memory is given to them: on cgroup v1 only (cpuset(7)).
  public struct CPUSet: Equatable, Sendable {
    public var cpus: [UInt64] = []
    public var mems: [UInt64] = []
    public var cpuExclusive: UInt64 = 0
    public var memExclusive: UInt64 = 0
    public var memHardwall: UInt64 = 0
    public var memoryMigrate: UInt64 = 0
    public var memoryPressure: UInt64 = 0
    public var memorySpreadPage: UInt64 = 0
    public var memorySpreadSlab: UInt64 = 0
    public var schedLoadBalance: UInt64 = 0
    /// -1: as the machine has it.
    public var schedRelaxDomainLevel: Int64 = 0
  }

  /// How long tasks waited for a resource (kernel documentation, accounting/psi.rst).
  public struct Pressure: Equatable, Sendable {
    public struct Share: Equatable, Sendable {
      /// Hundredths of a percent of the last 10, 60 and 300 seconds.
      public var average10: UInt64 = 0
      public var average60: UInt64 = 0
      public var average300: UInt64 = 0
      /// Microseconds altogether.
      public var total: UInt64 = 0
    }

    /// At least one task waited.
    public var some = Share()
    /// All of them did.
    public var full = Share()
  }
}

/// A file of lines `name number`, kept as it was read and gone through on demand: memory.stat has dozens of lines.
public struct FlatKeyed: Equatable, Sendable {
  let text: [UInt8]

  init(_ text: [UInt8] = []) { self.text = text }

  /// Goes through the lines. Nothing is allocated on the way.
  public func forEach(_ body: (_ name: ArraySlice<UInt8>, _ value: UInt64) -> Void) {
    var start = 0
    var blank = -1
    for index in text.indices {
      switch text[index] {
      case UInt8(ascii: " ") where blank < start: blank = index
      case UInt8(ascii: "\n"):
        if blank >= start { body(text[start..<blank], number(text[(blank + 1)..<index])) }
        start = index + 1
      default: break
      }
    }
  }

  /// The number of one name; 0 when it is not there.
  public subscript(_ name: String) -> UInt64 {
    var found: UInt64 = 0
    forEach { if $0.elementsEqual(name.utf8) { found = $1 } }
    return found
  }

  public var isEmpty: Bool { text.isEmpty }
}

/// The digits at the start as a number; `max` is the largest there is.
func number(_ text: ArraySlice<UInt8>) -> UInt64 {
  if text.first == UInt8(ascii: "m") { return .max }
  var value: UInt64 = 0
  for byte in text {
    guard byte >= 48 && byte <= 57 else { break }
    value = value &* 10 &+ UInt64(byte - 48)
  }
  return value
}

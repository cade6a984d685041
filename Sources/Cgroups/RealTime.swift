import Linux

/// Real-time CPU time of cgroup v1 (kernel documentation, scheduler/sched-rt-group.rst).
///
/// A cgroup cannot give its children more than it has, and a new one has nothing: what a container is to have must be
/// there all the way down to it.
enum RealTimeShare {
  /// Sees to it that the cgroups above have enough for the container and for all others below them, and then lets `apply`
  /// give the container its own.
  ///
  /// What cannot be raised is left as it is: then the kernel refuses the container's own share, and says why. It does so,
  /// too, when another runtime has given from the same cgroup meanwhile, and while it still counts the share of a cgroup that
  /// was just removed: therefore some attempts, in a fifth of a second.
  static func raise(
    above hierarchy: Hierarchy, runtime: Int64, period: UInt64?, then apply: () throws(Failure) -> Void
  ) throws(Failure) {
    for _ in 0..<20 {
      raise(above: hierarchy, runtime: runtime, period: period)
      do throws(Failure) {
        return try apply()
      } catch {
        if error.errno != .invalidArgument { throw error }
      }
      _ = try? poll([], milliseconds: 10)
    }
    try apply()
  }

  private static func raise(above hierarchy: Hierarchy, runtime: Int64, period: UInt64?) {
    let directory = hierarchy.directory
    let period = period.flatMap { $0 == 0 ? nil : Int64(exactly: $0) } ?? value(directory, "period") ?? 0
    guard runtime > 0, period > 0 else { return }
    let parent = splitPath(directory).parent
    guard parent.utf8.count > hierarchy.mountPoint.utf8.count else { return }
    raise(parent, by: runtime, of: period, besides: directory, hierarchy.mountPoint)
  }

  /// Raises a cgroup, and first those above it, so that its children fit in, one of which is to have `runtime` of `period`.
  private static func raise(
    _ directory: String, by runtime: Int64, of period: Int64, besides child: String, _ top: String
  ) {
    guard let ownPeriod = value(directory, "period"), ownPeriod > 0, let own = value(directory, "runtime"), own >= 0
    else { return }
    // In parts of this cgroup's own period, rounded up: the kernel adds up ratios.
    func share(_ runtime: Int64, _ period: Int64) -> Int64 {
      let (product, overflow) = runtime.multipliedReportingOverflow(by: ownPeriod)
      return overflow ? ownPeriod + 1 : min(product / period, ownPeriod) + 1
    }
    var needed = share(runtime, period)
    for name in (try? Directory(path: directory).directoryNames()) ?? [] {
      let path = directory + "/" + name
      guard path != child, let used = value(path, "runtime"), used > 0, let of = value(path, "period"), of > 0 else {
        continue
      }
      needed += share(used, of)
      if needed > ownPeriod { return }
    }
    if needed <= own || needed > ownPeriod { return }
    let parent = splitPath(directory).parent
    if parent.utf8.count > top.utf8.count { raise(parent, by: needed, of: ownPeriod, besides: directory, top) }
    try? openFile(directory + "/cpu.rt_runtime_us", .writeOnly).write(String(needed))
  }

  private static func value(_ directory: String, _ name: String) -> Int64? {
    readControl(directory + "/cpu.rt_" + name + "_us").flatMap { Int64($0) }
  }
}

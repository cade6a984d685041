extension Config.Linux.Resources {
  /// All that is wrong with the limits, for a document of their own.
  public func validate() -> [Problem] {
    var findings = Findings()
    check("resources", &findings)
    return findings.problems
  }

  func check(_ path: String, _ findings: inout Findings) {
    for (index, rule) in devices.enumerated() {
      if rule.access.utf8.allSatisfy({ $0 == 0x72 || $0 == 0x77 || $0 == 0x6D }) { continue }
      findings.error(
        element(path + ".devices", index) + ".access",
        "must be made of \"r\", \"w\" and \"m\", found " + rule.access.inQuotes)
    }
    for (index, limit) in hugepageLimits.enumerated() where !Self.isPageSize(limit.pageSize) {
      findings.error(
        element(path + ".hugepageLimits", index) + ".pageSize", "not a page size: " + limit.pageSize.inQuotes,
        hint: "write it as the kernel does, for example \"64KB\", \"2MB\" or \"1GB\"")
    }
    for (index, device) in (blockIO?.weightDevice ?? []).enumerated()
    where device.weight == nil && device.leafWeight == nil {
      findings.error(element(path + ".blockIO.weightDevice", index), "must have weight or leafWeight")
    }
    for entry in unified where entry.key.isEmpty || entry.key.utf8.contains(UInt8(ascii: "/")) {
      findings.error(member(path + ".unified", entry.key), "must be a file name without slashes")
    }
    checkMemory(path + ".memory", &findings)
  }

  /// The schema's `^[1-9][0-9]*[KMG]B$`.
  private static func isPageSize(_ text: String) -> Bool {
    let digits = text.utf8.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    guard let first = digits.first, first != UInt8(ascii: "0") else { return false }
    return ["KB", "MB", "GB"].contains(text.dropFirst(digits.count))
  }

  private func checkMemory(_ path: String, _ findings: inout Findings) {
    guard let memory else { return }
    if let swappiness = memory.swappiness, swappiness > 100 {
      findings.error(path + ".swappiness", "must be from 0 to 100, found " + String(swappiness))
    }
    if let limit = memory.limit, let swap = memory.swap, limit > 0, swap > 0, swap < limit {
      findings.error(
        path + ".swap", "must not be below limit, found " + String(swap) + " below " + String(limit),
        hint: "it counts memory and swap together")
    }
    if let kernel = memory.kernel, kernel > 0 {
      findings.warn(path + ".kernel", "not limited: Linux does not since 5.16, and never did with cgroup v2")
    }
  }
}

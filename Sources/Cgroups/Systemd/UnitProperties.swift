import Linux
import OCI

/// A property of a unit and its value (org.freedesktop.systemd1(5)).
struct UnitProperty: Equatable {
  var name: String
  var value: DBusValue
}

/// `linux.resources` as properties of a unit (systemd.resource-control(5)).
///
/// What has no property – swap on v1, devices' throttles, huge pages, bursts – and what a property says less exactly is written
/// to the control files, which a delegated unit leaves to us. The properties are there so that systemd, when it applies
/// its own settings again, applies these.
enum UnitProperties {
  static func of(_ resources: Resources, isV2: Bool) -> [UnitProperty] {
    var properties: [UnitProperty] = []
    func add(_ name: String, _ value: UInt64?) {
      if let value { properties.append(UnitProperty(name: name, value: .uint64(value))) }
    }
    let memory = resources.memory
    if isV2 {
      add("MemoryMax", bytes(memory?.limit))
      add("MemoryLow", bytes(memory?.reservation))
      if let swap = SettingsV1.asked(memory?.swap) {
        if swap < 0 {
          add("MemorySwapMax", .max)
        } else if let limit = SettingsV1.asked(memory?.limit), limit > 0, swap >= limit {
          add("MemorySwapMax", UInt64(swap - limit))
        }
      }
    } else {
      add("MemoryLimit", bytes(memory?.limit))
    }
    properties += cpu(resources.cpu, isV2: isV2)
    if let limit = resources.pids?.limit { add("TasksMax", limit < 0 ? .max : UInt64(max(1, limit))) }
    if let weight = resources.blockIO?.weight, weight != 0 {
      if isV2 { add("IOWeight", SettingsV2.ioWeight(weight)) } else { add("BlockIOWeight", UInt64(weight)) }
    }
    if isV2 { properties += unified(resources.unified) }
    return properties
  }

  private static func cpu(_ cpu: Resources.CPU?, isV2: Bool) -> [UnitProperty] {
    guard let cpu else { return [] }
    var properties: [UnitProperty] = []
    if let weight = weight(cpu, isV2: isV2) {
      properties.append(UnitProperty(name: isV2 ? "CPUWeight" : "CPUShares", value: .uint64(weight)))
    }
    if let period = cpu.period, period != 0 {
      properties.append(UnitProperty(name: "CPUQuotaPeriodUSec", value: .uint64(period)))
    }
    if let quota = SettingsV1.asked(cpu.quota) {
      properties.append(UnitProperty(name: "CPUQuotaPerSecUSec", value: .uint64(perSecond(quota, cpu.period ?? 0))))
    }
    if isV2 {
      for (name, list) in [("AllowedCPUs", cpu.cpus), ("AllowedMemoryNodes", cpu.mems)] {
        if let list, let bits = bitmap(list) { properties.append(UnitProperty(name: name, value: .bytes(bits))) }
      }
    }
    return properties
  }

  /// A weight would end the idle class that the file sets: there is one for it, 0, since systemd 252.
  private static func weight(_ cpu: Resources.CPU, isV2: Bool) -> UInt64? {
    if cpu.idle == 1 { return isV2 ? 0 : nil }
    if let shares = cpu.shares, shares != 0 { return isV2 ? SettingsV2.weight(shares: shares) : shares }
    // No more than that it is idle no longer: as the kernel, the default.
    return isV2 && cpu.idle == 0 ? .max : nil
  }

  /// Microseconds of CPU time a second; in whole percent, in which systemd keeps them, and rather too many.
  static func perSecond(_ quota: Int64, _ period: UInt64) -> UInt64 {
    guard quota > 0 else { return .max }
    let (product, overflow) = UInt64(quota).multipliedReportingOverflow(by: 1_000_000)
    let perSecond = (overflow ? .max : product) / (period == 0 ? 100_000 : period)
    return (perSecond / 10_000 + (perSecond % 10_000 == 0 ? 0 : 1)) * 10_000
  }

  /// `0-2,5` as bits, the first number in the lowest bit of the first byte; `nil`: the kernel shall say what is wrong.
  static func bitmap(_ list: String) -> [UInt8]? {
    guard let words = bitMask(list: list, limit: 8192) else { return nil }
    var bytes = words.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * UInt64($0))) } }
    while bytes.last == 0 { bytes.removeLast() }
    return bytes
  }

  /// Files of cgroup v2 that are a property in all but name.
  private static func unified(_ map: StringMap) -> [UnitProperty] {
    var properties: [UnitProperty] = []
    for entry in map {
      let name: String
      switch entry.key {
      case "memory.min": name = "MemoryMin"
      case "memory.low": name = "MemoryLow"
      case "memory.high": name = "MemoryHigh"
      case "memory.max": name = "MemoryMax"
      case "memory.swap.max": name = "MemorySwapMax"
      case "pids.max": name = "TasksMax"
      case "cpu.weight": name = "CPUWeight"
      case "cpuset.cpus", "cpuset.mems":
        let name = entry.key == "cpuset.cpus" ? "AllowedCPUs" : "AllowedMemoryNodes"
        if let bits = bitmap(entry.value) { properties.append(UnitProperty(name: name, value: .bytes(bits))) }
        continue
      default: continue
      }
      if let value = entry.value == "max" ? UInt64.max : decimal(entry.value.utf8) {
        properties.append(UnitProperty(name: name, value: .uint64(value)))
      }
    }
    return properties
  }

  private static func bytes(_ value: Int64?) -> UInt64? {
    guard let value = SettingsV1.asked(value) else { return nil }
    return value < 0 ? .max : UInt64(value)
  }

  // MARK: devices

  /// The rules as far as systemd can say them: a list of what is allowed. A list that begins with everything has no
  /// such form; then systemd restricts nothing, and the exact rules stand in the kernel alone.
  static func devices(_ rules: [Resources.DeviceRule]) -> [UnitProperty] {
    guard !rules.isEmpty, let list = try? DeviceList(rules), !list.allowsByDefault else {
      return [
        UnitProperty(name: "DevicePolicy", value: .string("auto")),
        UnitProperty(name: "DeviceAllow", value: .pairs([])),
      ]
    }
    var allowed: [String] = []
    for device in list.exceptions {
      let kind = device.isBlock ? "block" : "char"
      let path: String
      switch (device.major, device.minor) {
      case (let major?, let minor?): path = "/dev/" + kind + "/" + String(major) + ":" + String(minor)
      case (let major?, nil): path = kind + "-" + String(major)
      // Of any major number, one minor number: wider than the rule; the kernel's list is not.
      case (nil, _): path = kind + "-*"
      }
      allowed += [path, device.access.letters]
    }
    return [
      UnitProperty(name: "DevicePolicy", value: .string("strict")),
      UnitProperty(name: "DeviceAllow", value: .pairs(allowed)),
    ]
  }

  // MARK: annotations

  static let prefix = "org.systemd.property."

  /// The properties that annotations ask for, as GVariant text: `uint64 5000`, `'text'`, `true`, `['a', 'b']`. A name that ends in
  /// `Sec` takes seconds, as unit files do, and becomes the property in microseconds.
  static func of(annotations: StringMap) throws(Failure) -> [UnitProperty] {
    var properties: [UnitProperty] = []
    for entry in annotations where entry.key.hasPrefix(prefix) {
      let name = String(entry.key.dropFirst(prefix.utf8.count))
      guard name.utf8.count >= 3, name.utf8.allSatisfy({ $0 >= 65 && $0 <= 90 || $0 >= 97 && $0 <= 122 }) else {
        throw Failure("config.json: annotation \"" + entry.key + "\": that is no name of a property")
      }
      var text = VariantText(entry.value)
      guard let value = text.whole() else {
        throw Failure(
          "config.json: annotation \"" + entry.key + "\": \"" + entry.value
            + "\" is no value; write for example 'text', true, uint64 5000 or ['a', 'b']")
      }
      if name.hasSuffix("Sec") && !name.hasSuffix("USec"), let microseconds = microseconds(value) {
        properties.append(UnitProperty(name: name.dropLast(3) + "USec", value: .uint64(microseconds)))
      } else {
        properties.append(UnitProperty(name: name, value: value))
      }
    }
    return properties
  }

  private static func microseconds(_ value: DBusValue) -> UInt64? {
    switch value {
    case .int32(let seconds) where seconds >= 0: return UInt64(seconds) * 1_000_000
    case .uint32(let seconds): return UInt64(seconds) * 1_000_000
    case .int64(let seconds) where seconds >= 0: return UInt64(seconds).multipliedReportingOverflow(by: 1_000_000).0
    case .uint64(let seconds): return seconds.multipliedReportingOverflow(by: 1_000_000).0
    default: return nil
    }
  }
}

/// Values in GVariant's text format, as far as properties of units need it.
struct VariantText {
  private let bytes: [UInt8]
  private var offset = 0

  init(_ text: String) { bytes = Array(text.utf8) }

  /// The value that the text is, with nothing behind it.
  mutating func whole() -> DBusValue? {
    let value = value()
    skipBlanks()
    return offset == bytes.count ? value : nil
  }

  private mutating func skipBlanks() {
    while offset < bytes.count, bytes[offset] == 32 || bytes[offset] == 9 || bytes[offset] == 10 { offset += 1 }
  }

  private mutating func take(_ byte: UInt8) -> Bool {
    skipBlanks()
    guard offset < bytes.count, bytes[offset] == byte else { return false }
    offset += 1
    return true
  }

  private mutating func value() -> DBusValue? {
    skipBlanks()
    guard offset < bytes.count else { return nil }
    switch bytes[offset] {
    case UInt8(ascii: "'"), UInt8(ascii: "\""): return string().map { .string($0) }
    case UInt8(ascii: "["): return strings()
    default: break
    }
    let first = word()
    switch first {
    case "true": return .bool(true)
    case "false": return .bool(false)
    case "objectpath":
      skipBlanks()
      return string().map { .objectPath($0) }
    case "@as": return strings()
    case "byte", "int16", "uint16", "int32", "handle", "uint32", "int64", "uint64":
      skipBlanks()
      return VariantText.number(word(), as: first)
    default: return VariantText.number(first, as: "int32")
    }
  }

  private mutating func word() -> String {
    let start = offset
    while offset < bytes.count, bytes[offset] > 32, bytes[offset] != UInt8(ascii: ","),
      bytes[offset] != UInt8(ascii: "]")
    {
      offset += 1
    }
    return String(decoding: bytes[start..<offset], as: UTF8.self)
  }

  private mutating func strings() -> DBusValue? {
    guard take(UInt8(ascii: "[")) else { return nil }
    var found: [String] = []
    if take(UInt8(ascii: "]")) { return .strings(found) }
    while true {
      skipBlanks()
      guard let text = string() else { return nil }
      found.append(text)
      if take(UInt8(ascii: "]")) { return .strings(found) }
      guard take(UInt8(ascii: ",")) else { return nil }
    }
  }

  private mutating func string() -> String? {
    guard offset < bytes.count, bytes[offset] == UInt8(ascii: "'") || bytes[offset] == UInt8(ascii: "\"") else {
      return nil
    }
    let quote = bytes[offset]
    offset += 1
    var text: [UInt8] = []
    while offset < bytes.count {
      let byte = bytes[offset]
      offset += 1
      if byte == quote { return String(decoding: text, as: UTF8.self) }
      if byte == UInt8(ascii: "\\") {
        guard offset < bytes.count else { return nil }
        switch bytes[offset] {
        case UInt8(ascii: "n"): text.append(10)
        case UInt8(ascii: "t"): text.append(9)
        default: text.append(bytes[offset])
        }
        offset += 1
      } else {
        text.append(byte)
      }
    }
    return nil
  }

  private static func number(_ text: String, as type: String) -> DBusValue? {
    let isNegative = text.hasPrefix("-")
    let digits = isNegative || text.hasPrefix("+") ? text.dropFirst() : text[...]
    let parsed = digits.hasPrefix("0x") ? UInt64(digits.dropFirst(2), radix: 16) : decimal(digits.utf8)
    guard let magnitude = parsed else { return nil }
    if isNegative && magnitude > UInt64(Int64.max) { return nil }
    let signed = isNegative ? -Int64(magnitude) : Int64(exactly: magnitude)
    let unsigned = isNegative && magnitude > 0 ? nil : magnitude
    switch type {
    case "byte": return unsigned.flatMap { UInt8(exactly: $0) }.map { .byte($0) }
    case "int16": return signed.flatMap { Int16(exactly: $0) }.map { .int16($0) }
    case "uint16": return unsigned.flatMap { UInt16(exactly: $0) }.map { .uint16($0) }
    case "uint32": return unsigned.flatMap { UInt32(exactly: $0) }.map { .uint32($0) }
    case "int64": return signed.map { .int64($0) }
    case "uint64": return unsigned.map { .uint64($0) }
    default: return signed.flatMap { Int32(exactly: $0) }.map { .int32($0) }
    }
  }
}

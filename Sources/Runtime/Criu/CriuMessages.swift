// What is said to CRIU and what it answers: the messages of its images/rpc.proto, as far as they are used. Behind each field stands its
// number there.

/// What is asked for, and what an answer is about (criu_req_type).
enum CriuRequest: UInt64 {
  case dump = 1
  case restore = 2
  case preDump = 4
  case notify = 6
  case featureCheck = 9
  case version = 10
}

/// Who cares for the cgroups of what is restored (criu_cg_mode).
public enum CriuCgroupsMode: String, CaseIterable, Sendable {
  case ignore, soft, full, strict

  var number: UInt64 {
    switch self {
    case .ignore: return 0
    case .soft: return 3
    case .full: return 4
    case .strict: return 5
    }
  }
}

/// By what connections are held while they are dumped (criu_network_lock_method).
public enum CriuNetworkLock: String, CaseIterable, Sendable {
  case iptables, nftables, skip

  var number: UInt64 {
    switch self {
    case .iptables: return 1
    case .nftables: return 2
    case .skip: return 3
    }
  }
}

/// A name that CRIU knows something by, and what it is: an open file, a cgroup, a file of a namespace.
struct CriuPair: Equatable {
  var key: String
  var value: String
}

/// A descriptor that CRIU has, and what was in its place when the images were made.
struct CriuInherited: Equatable {
  var key: String
  var number: Int32
}

/// How to dump or restore (criu_opts).
struct CriuOptions {
  /// Numbers of *our* descriptors: CRIU opens them through our /proc.
  var imagesDirectory: Int32
  var workDirectory: Int32
  var logFile = ""
  var pid: Int32 = 0
  /// Flags by their number: what is not here is off.
  var flags: [UInt64] = []
  var pageServer: (address: String, port: Int32)?
  var root = ""
  var parentImages = ""
  var external: [String] = []
  var cgroupRoots: [CriuPair] = []
  var inherited: [CriuInherited] = []
  var joined: [CriuPair] = []
  var cgroupsMode = CriuCgroupsMode.soft
  var emptyNamespaces: UInt64 = 0
  var freezeCgroup = ""
  var configFile = ""
  var lsmProfile = ""
  var lsmMountContext = ""
  var networkLock: CriuNetworkLock?

  enum Flag {
    static let leaveRunning: UInt64 = 3
    static let externalUnixSockets: UInt64 = 4
    static let tcpEstablished: UInt64 = 5
    static let evasiveDevices: UInt64 = 6
    static let shellJob: UInt64 = 7
    static let fileLocks: UInt64 = 8
    static let notifies: UInt64 = 12
    static let tracksMemory: UInt64 = 15
    static let autoDedup: UInt64 = 16
    static let linkRemap: UInt64 = 18
    static let managesCgroups: UInt64 = 24
    static let restoresAsSibling: UInt64 = 26
    static let tcpSkipInFlight: UInt64 = 46
    static let lazyPages: UInt64 = 48
    static let orphanTerminals: UInt64 = 50
    static let tcpClose: UInt64 = 52
  }

  func encode(_ opts: inout ProtobufWriter) {
    opts.int32(1, imagesDirectory)
    if pid > 0 { opts.int32(2, pid) }
    for flag in flags { opts.bool(flag, true) }
    opts.int32(9, 4)  // log_level: what happens, not every detail
    opts.string(10, logFile)
    if let pageServer {
      opts.message(11) { info in
        info.string(1, pageServer.address)
        info.int32(2, pageServer.port)
      }
    }
    text(13, root, &opts)
    text(14, parentImages, &opts)
    opts.int32(17, workDirectory)
    for root in cgroupRoots { pair(25, root, &opts) }
    for file in inherited {
      opts.message(27) { message in
        message.string(1, file.key)
        message.int32(2, file.number)
      }
    }
    opts.number(34, cgroupsMode.number)
    for mount in external { opts.string(37, mount) }
    if emptyNamespaces != 0 { opts.number(38, emptyNamespaces) }
    for namespace in joined { pair(39, namespace, &opts) }
    text(44, freezeCgroup, &opts)
    text(51, configFile, &opts)
    text(53, lsmProfile, &opts)
    text(63, lsmMountContext, &opts)
    if let networkLock { opts.number(64, networkLock.number) }
  }

  private func text(_ field: UInt64, _ text: String, _ opts: inout ProtobufWriter) {
    if !text.isEmpty { opts.string(field, text) }
  }

  private func pair(_ field: UInt64, _ pair: CriuPair, _ opts: inout ProtobufWriter) {
    opts.message(field) { message in
      message.string(1, pair.key)
      message.string(2, pair.value)
    }
  }
}

extension CriuRequest {
  /// Asks for it (criu_req).
  ///
  /// - Parameter keepsOpen: another request follows on the same connection.
  func encoded(_ options: CriuOptions? = nil, keepsOpen: Bool = false) -> [UInt8] {
    var request = ProtobufWriter()
    request.number(1, rawValue)
    if let options { request.message(2) { options.encode(&$0) } }
    if keepsOpen { request.bool(4, true) }
    if self == .featureCheck {
      request.message(5) { features in
        features.bool(1, true)
        features.bool(2, true)
      }
    }
    return request.bytes
  }

  /// The answer to a notification.
  static func notified(_ success: Bool) -> [UInt8] {
    var request = ProtobufWriter()
    request.number(1, CriuRequest.notify.rawValue)
    request.bool(3, success)
    return request.bytes
  }
}

/// What CRIU says (criu_resp).
struct CriuResponse: Equatable {
  var kind: UInt64 = 0
  var succeeded = false
  /// Of a notification (criu_notify).
  var script = ""
  var pid: Int32 = 0
  var errno: Int32 = 0
  var message = ""
  var tracksMemory = false
  var hasLazyPages = false
  /// `31701` is 3.17.1; 0: not told (criu_version).
  var version = 0

  init(_ bytes: [UInt8]) throws(ProtobufMalformed) {
    var (hasKind, hasSuccess) = (false, false)
    var fields = ProtobufReader(bytes[...])
    while let field = try fields.next() {
      switch field.field {
      case 1: (kind, hasKind) = (field.number, true)
      case 2: (succeeded, hasSuccess) = (field.bool, true)
      case 5: try readNotification(field.bytes)
      case 7: errno = field.int32
      case 8: try readFeatures(field.bytes)
      case 9: message = field.string
      case 10: try readVersion(field.bytes)
      default: break
      }
    }
    // Both are required.
    if !hasKind || !hasSuccess { throw ProtobufMalformed() }
  }

  private mutating func readNotification(_ bytes: ArraySlice<UInt8>) throws(ProtobufMalformed) {
    var fields = ProtobufReader(bytes)
    while let field = try fields.next() {
      if field.field == 1 { script = field.string }
      if field.field == 2 { pid = field.int32 }
    }
  }

  private mutating func readFeatures(_ bytes: ArraySlice<UInt8>) throws(ProtobufMalformed) {
    var fields = ProtobufReader(bytes)
    while let field = try fields.next() {
      if field.field == 1 { tracksMemory = field.bool }
      if field.field == 2 { hasLazyPages = field.bool }
    }
  }

  private mutating func readVersion(_ bytes: ArraySlice<UInt8>) throws(ProtobufMalformed) {
    var (major, minor, sublevel) = (0, 0, 0)
    var fields = ProtobufReader(bytes)
    while let field = try fields.next() {
      // Nobody's version has more digits; a sum of such numbers stays a number.
      let number = Int(min(field.number, 9999))
      if field.field == 1 { major = number }
      if field.field == 2 { minor = min(number, 99) }
      if field.field == 4 { sublevel = min(number, 99) }
    }
    version = major * 10000 + minor * 100 + sublevel
  }
}

extension Config.Linux.Resources {
  /// Block device bandwidth (config-linux.md, "Block IO").
  public struct BlockIO: Equatable, Sendable {
    /// The relative weight, 10 to 1000; 0, which Docker sends, means unset.
    public var weight: UInt16?
    /// The weight against the cgroup's own children; cgroup v1 only.
    public var leafWeight: UInt16?
    /// Weights by device.
    public var weightDevice: [WeightDevice]
    /// The most bytes read a second.
    public var throttleReadBpsDevice: [ThrottleDevice]
    /// The most bytes written a second.
    public var throttleWriteBpsDevice: [ThrottleDevice]
    /// The most reads a second.
    public var throttleReadIOPSDevice: [ThrottleDevice]
    /// The most writes a second.
    public var throttleWriteIOPSDevice: [ThrottleDevice]

    public init(
      weight: UInt16? = nil, leafWeight: UInt16? = nil, weightDevice: [WeightDevice] = [],
      throttleReadBpsDevice: [ThrottleDevice] = [], throttleWriteBpsDevice: [ThrottleDevice] = [],
      throttleReadIOPSDevice: [ThrottleDevice] = [], throttleWriteIOPSDevice: [ThrottleDevice] = []
    ) {
      self.weight = weight
      self.leafWeight = leafWeight
      self.weightDevice = weightDevice
      self.throttleReadBpsDevice = throttleReadBpsDevice
      self.throttleWriteBpsDevice = throttleWriteBpsDevice
      self.throttleReadIOPSDevice = throttleReadIOPSDevice
      self.throttleWriteIOPSDevice = throttleWriteIOPSDevice
    }
  }
}

extension Config.Linux.Resources.BlockIO {
  /// The weight of one device.
  public struct WeightDevice: Equatable, Sendable {
    /// The major number.
    public var major: Int64
    /// The minor number.
    public var minor: Int64
    /// The relative weight, 10 to 1000.
    public var weight: UInt16?
    /// The weight against the cgroup's own children; cgroup v1 only.
    public var leafWeight: UInt16?

    public init(major: Int64, minor: Int64, weight: UInt16? = nil, leafWeight: UInt16? = nil) {
      self.major = major
      self.minor = minor
      self.weight = weight
      self.leafWeight = leafWeight
    }
  }

  /// The rate of one device.
  public struct ThrottleDevice: Equatable, Sendable {
    /// The major number.
    public var major: Int64
    /// The minor number.
    public var minor: Int64
    /// Bytes or operations a second.
    public var rate: UInt64

    public init(major: Int64, minor: Int64, rate: UInt64) {
      self.major = major
      self.minor = minor
      self.rate = rate
    }
  }
}

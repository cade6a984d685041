import JSON

extension Config.Linux.Resources {
  /// Block device bandwidth (config-linux.md, "Block IO").
  public struct BlockIO: Equatable, Sendable, JSON.Writable {
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

    public init(_ json: JSON.Object) throws(JSON.Error) {
      weight = try json.optionalInteger("weight")
      leafWeight = try json.optionalInteger("leafWeight")
      weightDevice = try json.objects("weightDevice", WeightDevice.init)
      throttleReadBpsDevice = try json.objects("throttleReadBpsDevice", ThrottleDevice.init)
      throttleWriteBpsDevice = try json.objects("throttleWriteBpsDevice", ThrottleDevice.init)
      throttleReadIOPSDevice = try json.objects("throttleReadIOPSDevice", ThrottleDevice.init)
      throttleWriteIOPSDevice = try json.objects("throttleWriteIOPSDevice", ThrottleDevice.init)
    }

    public func encode(to writer: inout JSON.Writer) {
      writer.object { json in
        json.member("weight", weight)
        json.member("leafWeight", leafWeight)
        json.member("weightDevice", weightDevice)
        json.member("throttleReadBpsDevice", throttleReadBpsDevice)
        json.member("throttleWriteBpsDevice", throttleWriteBpsDevice)
        json.member("throttleReadIOPSDevice", throttleReadIOPSDevice)
        json.member("throttleWriteIOPSDevice", throttleWriteIOPSDevice)
      }
    }
  }
}

extension Config.Linux.Resources.BlockIO {
  /// The weight of one device.
  public struct WeightDevice: Equatable, Sendable, JSON.Writable {
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

    public init(_ json: JSON.Object) throws(JSON.Error) {
      major = try json.integer("major")
      minor = try json.integer("minor")
      weight = try json.optionalInteger("weight")
      leafWeight = try json.optionalInteger("leafWeight")
    }

    public func encode(to writer: inout JSON.Writer) {
      writer.object { json in
        json.member("major", major)
        json.member("minor", minor)
        json.member("weight", weight)
        json.member("leafWeight", leafWeight)
      }
    }
  }

  /// The rate of one device.
  public struct ThrottleDevice: Equatable, Sendable, JSON.Writable {
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

    public init(_ json: JSON.Object) throws(JSON.Error) {
      major = try json.integer("major")
      minor = try json.integer("minor")
      rate = try json.integer("rate")
    }

    public func encode(to writer: inout JSON.Writer) {
      writer.object { json in
        json.member("major", major)
        json.member("minor", minor)
        json.member("rate", rate)
      }
    }
  }
}

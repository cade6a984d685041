import JSON

extension Config {
  /// Settings of virtual machines (config-vm.md). A runtime that shares the host's kernel only carries them.
  public struct VM: Equatable, Sendable, JSON.Writable {
    /// The hypervisor.
    public var hypervisor: Hypervisor?
    /// The kernel that boots.
    public var kernel: Kernel
    /// The image with the root file system.
    public var image: Image?
    /// The virtual hardware.
    public var hwConfig: HWConfig?

    public init(hypervisor: Hypervisor? = nil, kernel: Kernel, image: Image? = nil, hwConfig: HWConfig? = nil) {
      self.hypervisor = hypervisor
      self.kernel = kernel
      self.image = image
      self.hwConfig = hwConfig
    }

    public init(_ json: JSON.Object) throws(JSON.Error) {
      hypervisor = try json.optionalObject("hypervisor", Hypervisor.init)
      kernel = try json.object("kernel", Kernel.init)
      image = try json.optionalObject("image", Image.init)
      hwConfig = try json.optionalObject("hwConfig", HWConfig.init)
    }

    public func encode(to writer: inout JSON.Writer) {
      writer.object { json in
        json.member("hypervisor", hypervisor)
        json.member("kernel", kernel)
        json.member("image", image)
        json.member("hwConfig", hwConfig)
      }
    }
  }
}

extension Config.VM {
  /// The hypervisor.
  public struct Hypervisor: Equatable, Sendable, JSON.Writable {
    /// The executable.
    public var path: String
    /// Its parameters.
    public var parameters: [String]

    public init(path: String, parameters: [String] = []) {
      self.path = path
      self.parameters = parameters
    }

    public init(_ json: JSON.Object) throws(JSON.Error) {
      path = try json.string("path")
      parameters = try json.strings("parameters")
    }

    public func encode(to writer: inout JSON.Writer) {
      writer.object { json in
        json.member("path", path)
        json.member("parameters", parameters)
      }
    }
  }

  /// The kernel of the virtual machine.
  public struct Kernel: Equatable, Sendable, JSON.Writable {
    /// The kernel's image.
    public var path: String
    /// The kernel's command line.
    public var parameters: [String]
    /// The initial RAM disk.
    public var initrd: String?

    public init(path: String, parameters: [String] = [], initrd: String? = nil) {
      self.path = path
      self.parameters = parameters
      self.initrd = initrd
    }

    public init(_ json: JSON.Object) throws(JSON.Error) {
      path = try json.string("path")
      parameters = try json.strings("parameters")
      initrd = try json.nonEmptyString("initrd")
    }

    public func encode(to writer: inout JSON.Writer) {
      writer.object { json in
        json.member("path", path)
        json.member("parameters", parameters)
        json.member("initrd", initrd)
      }
    }
  }

  /// The image with the root file system.
  public struct Image: Equatable, Sendable, JSON.Writable {
    /// The image file.
    public var path: String
    /// Its format.
    public var format: RootImageFormat

    public init(path: String, format: RootImageFormat) {
      self.path = path
      self.format = format
    }

    public init(_ json: JSON.Object) throws(JSON.Error) {
      path = try json.string("path")
      format = try json.choice("format")
    }

    public func encode(to writer: inout JSON.Writer) {
      writer.object { json in
        json.member("path", path)
        json.member("format", format)
      }
    }
  }

  /// Formats of images.
  public enum RootImageFormat: String, CaseIterable, Sendable {
    case raw
    case qcow2
    case vdi
    case vmdk
    case vhd
  }

  /// The virtual hardware.
  public struct HWConfig: Equatable, Sendable, JSON.Writable {
    /// The device tree blob.
    public var deviceTree: String?
    /// The number of CPUs.
    public var vcpus: UInt32?
    /// Memory in bytes.
    public var memory: UInt64?
    /// Devices of the host's device tree to pass through.
    public var dtdevs: [String]
    /// I/O memory to pass through.
    public var iomems: [IOMem]
    /// Interrupts to pass through.
    public var irqs: [UInt32]

    public init(
      deviceTree: String? = nil, vcpus: UInt32? = nil, memory: UInt64? = nil, dtdevs: [String] = [],
      iomems: [IOMem] = [], irqs: [UInt32] = []
    ) {
      self.deviceTree = deviceTree
      self.vcpus = vcpus
      self.memory = memory
      self.dtdevs = dtdevs
      self.iomems = iomems
      self.irqs = irqs
    }

    public init(_ json: JSON.Object) throws(JSON.Error) {
      deviceTree = try json.nonEmptyString("deviceTree")
      vcpus = try json.optionalInteger("vcpus")
      memory = try json.optionalInteger("memory")
      dtdevs = try json.strings("dtdevs")
      iomems = try json.objects("iomems", IOMem.init)
      irqs = try json.integers("irqs")
    }

    public func encode(to writer: inout JSON.Writer) {
      writer.object { json in
        json.member("deviceTree", deviceTree)
        json.member("vcpus", vcpus)
        json.member("memory", memory)
        json.member("dtdevs", dtdevs)
        json.member("iomems", iomems)
        json.member("irqs", irqs)
      }
    }
  }

  /// A range of I/O memory pages.
  public struct IOMem: Equatable, Sendable, JSON.Writable {
    /// The first guest frame. Absent: the same as `firstMFN`.
    public var firstGFN: UInt64?
    /// The first machine frame.
    public var firstMFN: UInt64
    /// How many frames.
    public var nrMFNs: UInt64

    public init(firstGFN: UInt64? = nil, firstMFN: UInt64, nrMFNs: UInt64) {
      self.firstGFN = firstGFN
      self.firstMFN = firstMFN
      self.nrMFNs = nrMFNs
    }

    public init(_ json: JSON.Object) throws(JSON.Error) {
      firstGFN = try json.optionalInteger("firstGFN")
      firstMFN = try json.integer("firstMFN")
      nrMFNs = try json.integer("nrMFNs")
    }

    public func encode(to writer: inout JSON.Writer) {
      writer.object { json in
        json.member("firstGFN", firstGFN)
        json.member("firstMFN", firstMFN)
        json.member("nrMFNs", nrMFNs)
      }
    }
  }
}

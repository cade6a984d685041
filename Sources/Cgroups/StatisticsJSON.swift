import JSON
import Linux

/// The shape that readers of `events --stats` know: runc's field names. Numbers of zero are written too, which readers of
/// that shape take for the same as absent.
extension Statistics: Writable {
  public func encode(to writer: inout Writer) {
    writer.object { writer in encodeMembers(to: &writer) }
  }

  /// The members without the braces, for one who adds others to the same object (network interfaces).
  public func encodeMembers(to writer: inout Writer) {
    writer.member("cpu", cpu)
    writer.member("cpuset", cpuset)
    writer.member("memory", memory)
    writer.key("pids")
    writer.object { writer in
      writer.member("current", pids.current)
      writer.member("limit", pids.limit)
    }
    writer.member("blkio", blkio)
    writer.key("hugetlb")
    writer.object { writer in
      for entry in hugetlb {
        writer.key(entry.pageSize)
        writer.object { writer in
          writer.member("usage", entry.usage)
          writer.member("max", entry.max)
          writer.member("failcnt", entry.failures)
        }
      }
    }
  }
}

extension Statistics.CPU: Writable {
  public func encode(to writer: inout Writer) {
    writer.object { writer in
      writer.key("usage")
      writer.object { writer in
        writer.member("total", total)
        if !perCPUUser.isEmpty {
          writer.member("percpu", zip(perCPUUser, perCPUKernel).map { $0 &+ $1 })
          writer.member("percpu_kernel", perCPUKernel)
          writer.member("percpu_user", perCPUUser)
        }
        writer.member("kernel", kernel)
        writer.member("user", user)
      }
      writer.key("throttling")
      writer.object { writer in
        writer.member("periods", periods)
        writer.member("throttledPeriods", throttledPeriods)
        writer.member("throttledTime", throttledTime)
      }
      writer.key("burst")
      writer.object { writer in
        writer.member("burstsPeriods", burstPeriods)
        writer.member("burstTime", burstTime)
      }
      writer.member("psi", pressure)
    }
  }
}

extension Statistics.CPUSet: Writable {
  public func encode(to writer: inout Writer) {
    writer.object { writer in
      writer.member("cpus", cpus)
      writer.member("cpu_exclusive", cpuExclusive)
      writer.member("mems", mems)
      writer.member("mem_hardwall", memHardwall)
      writer.member("mem_exclusive", memExclusive)
      writer.member("memory_migrate", memoryMigrate)
      writer.member("memory_spread_page", memorySpreadPage)
      writer.member("memory_spread_slab", memorySpreadSlab)
      writer.member("memory_pressure", memoryPressure)
      writer.member("sched_load_balance", schedLoadBalance)
      writer.member("sched_relax_domain_level", schedRelaxDomainLevel)
    }
  }
}

extension Statistics.Memory: Writable {
  public func encode(to writer: inout Writer) {
    writer.object { writer in
      writer.member("cache", cache)
      writer.member("usage", memory)
      writer.member("swap", swap)
      writer.member("kernel", kernel)
      writer.member("kernelTCP", kernelTCP)
      if !all.isEmpty { writer.member("raw", all) }
      writer.member("psi", pressure)
      writer.key("event_count")
      writer.object { writer in
        writer.member("low", events["low"])
        writer.member("high", events["high"])
        writer.member("max", events["max"])
        writer.member("oom", events["oom"])
        writer.member("oom_kill", events["oom_kill"])
      }
    }
  }
}

extension Statistics.MemoryUsage: Writable {
  public func encode(to writer: inout Writer) {
    writer.object { writer in
      writer.member("limit", limit)
      writer.member("usage", usage)
      writer.member("max", max)
      writer.member("failcnt", failures)
    }
  }
}

extension Statistics.BlockIO: Writable {
  public func encode(to writer: inout Writer) {
    writer.object { writer in
      writer.member("ioServiceBytesRecursive", serviceBytes)
      writer.member("ioServicedRecursive", serviced)
      writer.member("ioQueueRecursive", queued)
      writer.member("ioServiceTimeRecursive", serviceTime)
      writer.member("ioWaitTimeRecursive", waitTime)
      writer.member("ioMergedRecursive", merged)
      writer.member("ioTimeRecursive", time)
      writer.member("sectorsRecursive", sectors)
      writer.member("psi", pressure)
    }
  }
}

extension Statistics.BlockEntry: Writable {
  public func encode(to writer: inout Writer) {
    writer.object { writer in
      writer.member("major", major)
      writer.member("minor", minor)
      writer.member("op", operation)
      writer.member("value", value)
    }
  }
}

extension Statistics.Pressure: Writable {
  public func encode(to writer: inout Writer) {
    writer.object { writer in
      writer.member("some", some)
      writer.member("full", full)
    }
  }
}

extension Statistics.Pressure.Share: Writable {
  public func encode(to writer: inout Writer) {
    writer.object { writer in
      writer.key("avg10")
      writer.raw(percent(average10))
      writer.key("avg60")
      writer.raw(percent(average60))
      writer.key("avg300")
      writer.raw(percent(average300))
      writer.member("total", total)
    }
  }

  /// Hundredths as a decimal number: 795 as `7.95`.
  private func percent(_ hundredths: UInt64) -> [UInt8] {
    let rest = hundredths % 100
    return Array(String(hundredths / 100).utf8) + [UInt8(ascii: "."), UInt8(48 + rest / 10), UInt8(48 + rest % 10)]
  }
}

extension FlatKeyed: Writable {
  public func encode(to writer: inout Writer) {
    writer.object { writer in
      forEach { name, value in
        writer.key(String(decoding: name, as: UTF8.self))
        writer.value(value)
      }
    }
  }
}

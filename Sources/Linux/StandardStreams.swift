/// The two standard streams one writes to (stdout(3)); they stay open.
public enum StandardStream: Int32 {
  case output = 1
  case error = 2

  /// Writes all the bytes.
  public func write(_ bytes: [UInt8]) throws(SystemError) {
    let stream = Descriptor(taking: rawValue)
    do {
      try stream.write(bytes)
    } catch {
      _ = stream.release()
      throw error
    }
    _ = stream.release()
  }
}

extension StandardStream {
  /// Puts /dev/null in the place of standard input and output: whoever is at their other ends then deals with the processes that
  /// have inherited them, and learns when these are done.
  public static func handOver() throws(SystemError) {
    let null = try openFile("/dev/null", .readWrite)
    for number in Int32(0)...1 { try null.install(as: number) }
  }
}

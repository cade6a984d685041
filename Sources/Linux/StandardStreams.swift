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

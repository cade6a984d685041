extension Tape {
  /// The first key of the object at `container` that stands there a second time, and where it stood first.
  func duplicateKey(in container: Int) -> (index: Int, first: Int)? {
    // Comparing all pairs is the fastest way for the few keys of most objects, a table for the rest.
    nodes[container].length <= 16 ? duplicateByPairs(in: container) : duplicateByHash(in: container)
  }

  private func duplicateByPairs(in container: Int) -> (index: Int, first: Int)? {
    let end = Int(nodes[container].link)
    var key = container + 1
    while key < end {
      var earlier = container + 1
      while earlier < key {
        if nodes[earlier].length == nodes[key].length, bytes(of: earlier) == bytes(of: key) { return (key, earlier) }
        earlier = next(after: earlier + 1)
      }
      key = next(after: key + 1)
    }
    return nil
  }

  /// Open addressing. `Hasher` is seeded by chance, so that no document can be made slow on purpose.
  private func duplicateByHash(in container: Int) -> (index: Int, first: Int)? {
    let end = Int(nodes[container].link)
    var size = 64
    while size < 2 * Int(nodes[container].length) { size *= 2 }
    var table = [UInt32](repeating: 0, count: size)  // 0, the root's index, stands for a free slot
    var key = container + 1
    while key < end {
      var hasher = Hasher()
      let bytes = bytes(of: key)
      unsafe bytes.withUnsafeBytes { bytes in unsafe hasher.combine(bytes: bytes) }
      var slot = hasher.finalize() & (size - 1)
      while table[slot] != 0 {
        let earlier = Int(table[slot])
        if nodes[earlier].length == nodes[key].length, self.bytes(of: earlier) == bytes { return (key, earlier) }
        slot = (slot + 1) & (size - 1)
      }
      table[slot] = UInt32(truncatingIfNeeded: key)
      key = next(after: key + 1)
    }
    return nil
  }
}

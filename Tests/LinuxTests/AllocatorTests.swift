import CTestSupport
import TestSupport
import Testing

/// A block, and the byte it is filled with.
private struct Block {
  var start: UnsafeMutablePointer<UInt8>
  var count: Int
  var byte: UInt8

  init(_ memory: UnsafeMutableRawPointer, count: Int, byte: UInt8) {
    start = memory.assumingMemoryBound(to: UInt8.self)
    self.count = count
    self.byte = byte
    start.update(repeating: byte, count: count)
  }

  var isIntact: Bool { UnsafeBufferPointer(start: start, count: count).allSatisfy { $0 == byte } }
}

/// One test: the allocator is made for programs with one thread.
@Test func blocksAreAlignedApartAndKeepWhatIsInThem() throws {
  var generator = SeededGenerator(state: 16)
  var blocks: [Block] = []
  for round in 0..<60_000 {
    let size =
      Int.random(in: 0..<40, using: &generator) == 0
      ? Int.random(in: 0...300_000, using: &generator) : Int.random(in: 0...700, using: &generator)
    let byte = UInt8.random(in: 0...255, using: &generator)
    let chosen = blocks.isEmpty ? 0 : Int.random(in: 0..<blocks.count, using: &generator)
    switch blocks.count < 300 ? round % 6 : 5 {
    case 0, 1: blocks.append(Block(try #require(ct_malloc(size)), count: size, byte: byte))
    case 2:
      let block = Block(try #require(ct_calloc(size, 1)), count: 0, byte: 0)
      #expect(UnsafeBufferPointer(start: block.start, count: size).allSatisfy { $0 == 0 })
      blocks.append(Block(block.start, count: size, byte: byte))
    case 3:
      let alignment = 8 << Int.random(in: 0...9, using: &generator)
      var memory: UnsafeMutableRawPointer?
      #expect(ct_posix_memalign(&memory, alignment, size) == 0)
      #expect(UInt(bitPattern: memory) % UInt(alignment) == 0)
      blocks.append(Block(try #require(memory), count: size, byte: byte))
    case 4 where !blocks.isEmpty:
      let old = blocks[chosen]
      let larger = try #require(ct_realloc(old.start, size)).assumingMemoryBound(to: UInt8.self)
      #expect(UnsafeBufferPointer(start: larger, count: min(size, old.count)).allSatisfy { $0 == old.byte })
      blocks[chosen] = Block(larger, count: size, byte: byte)
    default:
      guard !blocks.isEmpty else { continue }
      let block = blocks.remove(at: chosen)
      #expect(block.isIntact)
      ct_free(block.start)
    }
    if let last = blocks.last {
      #expect(UInt(bitPattern: last.start) % 16 == 0)
      #expect(ct_malloc_usable_size(last.start) >= last.count)
    }
  }
  for block in blocks {
    #expect(block.isIntact)
    ct_free(block.start)
  }
  // What cannot be is refused.
  #expect(ct_malloc(Int.max) == nil)
  #expect(ct_calloc(1 << 40, 1 << 40) == nil)
  #expect(ct_malloc(1 << 46) == nil)
  var memory: UnsafeMutableRawPointer?
  #expect(ct_posix_memalign(&memory, 48, 1) != 0)
}

import Sandbox
import Testing

@testable import Runtime

@Suite struct IDMapsTests {
  static let file = Array(
    "root:1:1\nsomebody:100000:65536\n# a comment\nsomebody:x:1\n1500:300000:10\nsomebody:200000:5:9\n".utf8)

  @Test func theRangesOfAUserStandUnderNameOrNumber() {
    #expect(
      SubordinateRange.parse(IDMapsTests.file, of: ["somebody", "1500"])
        == [SubordinateRange(first: 100_000, size: 65536), SubordinateRange(first: 300_000, size: 10)])
    #expect(SubordinateRange.parse(IDMapsTests.file, of: ["nobody"]) == [])
  }

  @Test func theCallerIsRootAndTheOthersFollow() {
    let mappings = [IDMapping](caller: 1500, as: 0, around: [SubordinateRange(first: 100_000, size: 65536)])
    #expect(
      mappings == [
        IDMapping(container: 1, host: 100_000, size: 65536), IDMapping(container: 0, host: 1500, size: 1),
      ])
  }

  @Test func theCallerIsAUserAmongTheOthers() {
    let ranges = [SubordinateRange(first: 100_000, size: 500), SubordinateRange(first: 300_000, size: 1000)]
    let mappings = [IDMapping](caller: 1500, as: 1000, around: ranges)
    #expect(
      mappings == [
        IDMapping(container: 0, host: 100_000, size: 500), IDMapping(container: 500, host: 300_000, size: 500),
        IDMapping(container: 1001, host: 300_500, size: 500), IDMapping(container: 1000, host: 1500, size: 1),
      ])
  }

  @Test func withoutRangesTheCallerIsAlone() {
    #expect([IDMapping](caller: 1500, as: 7, around: []) == [IDMapping(container: 7, host: 1500, size: 1)])
  }

  @Test func rangesBeyondTheLastIDAreCut() {
    let mappings = [IDMapping](caller: 1, as: 0, around: [SubordinateRange(first: 5, size: UInt32.max)])
    #expect(mappings.first == IDMapping(container: 1, host: 5, size: UInt32.max - 1))
  }
}

import Linux
import Testing

@testable import Runtime

@Suite struct ProgramSeals {
  private func failure(_ options: RuntimeOptions) throws -> String {
    var create = CreateOptions()
    create.bundle = "/nonexistent"
    do {
      try ContainerStore(options).create(ContainerID("c"), create)
      return ""
    } catch {
      return error.message
    }
  }

  @Test func withoutASealNoContainerIsMade() throws {
    #expect(try failure(RuntimeOptions(root: "/nonexistent")).contains("no seal"))
  }

  @Test func aProgramMayDoWithoutIfItSaysSo() throws {
    let message = try failure(RuntimeOptions(root: "/nonexistent", seal: .waived))
    #expect(message.hasPrefix("bundle: "))
  }

  /// A test program lies in a writable place: nothing has started it again.
  @Test func loadingTheLibrarySealsNothing() throws {
    #expect(try !ProgramFile().isSealed())
  }
}

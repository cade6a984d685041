import Foundation
import Linux
import Testing

/// Tests are linked with glibc, the shipped program is not: where the two C libraries differ, ours are the words of this one.
@Test func reasonsAreInTheWordsOfOtherPrograms() {
  for number in Int32(1)...133 {
    #expect(Errno(rawValue: number).description == String(cString: strerror(number)))
  }
}

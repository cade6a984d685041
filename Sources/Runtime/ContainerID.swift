import Linux

/// The name of a container: the name of its directory, too, so no path can be made of it.
public struct ContainerID: Equatable, Sendable {
  public let text: String

  /// - Throws: when the text is not 1 to 1,024 bytes of `A-Z a-z 0-9 _ + - .`, or starts with a dot.
  public init(_ text: String) throws(Failure) {
    guard !text.isEmpty else { throw Failure("the container id is empty") }
    guard text.utf8.count <= ContainerID.maximumLength else {
      throw Failure("the container id is longer than " + String(ContainerID.maximumLength) + " bytes")
    }
    guard text.utf8.first != UInt8(ascii: "."), text.utf8.allSatisfy(ContainerID.isAllowed) else {
      throw Failure(
        "\"" + text + "\" is no container id: use A-Z a-z 0-9 _ + - . and do not start with a dot")
    }
    self.text = text
  }

  static let maximumLength = 1024

  private static func isAllowed(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "+"), UInt8(ascii: "-"),
      UInt8(ascii: "."):
      return true
    default: return false
    }
  }
}

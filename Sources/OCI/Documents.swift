import JSON

/// The version of the runtime specification that these documents follow.
public let specificationVersion = "1.3.0"

/// A value that stands in a file of its own.
public protocol JSONDocument: JSON.Writable {
  init(_ json: JSON.Object) throws(JSON.Error)
}

extension JSONDocument {
  /// Decodes a whole document. Unknown properties are ignored (config.md, "Extensibility").
  ///
  /// - Parameters:
  ///   - bytes: the text, UTF-8.
  ///   - file: the document's name, for errors.
  public init(json bytes: [UInt8], file: String) throws(JSON.Error) {
    try self.init(JSON.Document(bytes, file: file).root.object())
  }

  /// The document as JSON, without a newline at the end.
  public func json(pretty: Bool = false) -> [UInt8] {
    JSON.Writer.encode(self, pretty: pretty)
  }
}

extension Config: JSONDocument {}
extension Config.Process: JSONDocument {}
extension Config.Linux.Resources: JSONDocument {}
extension Config.Seccomp: JSONDocument {}
extension State: JSONDocument {}
extension Features: JSONDocument {}

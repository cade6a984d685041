extension StaticString {
  /// Whether the constant has the same bytes as the text; no String is made of it.
  public func matches(_ text: String) -> Bool {
    let bytes = unsafe UnsafeBufferPointer(start: utf8Start, count: utf8CodeUnitCount)
    return unsafe bytes.count == text.utf8.count && bytes.elementsEqual(text.utf8)
  }
}

import CLinux

/// The variables this process was started with (environ(7)).
public enum Environment {
  /// The value of a variable; an empty one counts as unset, as everywhere in this program.
  public static subscript(name: String) -> String? {
    guard let value = unsafe clx_getenv(name) else { return nil }
    let text = unsafe String(cString: value)
    return text.isEmpty ? nil : text
  }
}

import CLinux

/// The variables this process was started with (environ(7)).
public enum Environment {
  /// The value of a variable; an empty one counts as unset, as everywhere in this program.
  public static subscript(name: String) -> String? {
    guard let value = unsafe clx_getenv(name) else { return nil }
    let text = unsafe String(cString: value)
    return text.isEmpty ? nil : text
  }

  /// All of them, as `NAME=value`.
  public static var all: [String] {
    var all: [String] = []
    while let entry = unsafe clx_environ(Int32(all.count)) { all.append(unsafe String(cString: entry)) }
    return all
  }
}

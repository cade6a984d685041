import CLinux

/// What the standard library leaves to the C library's mathematics.
public enum Logarithm {
  public static func base2(_ x: Double) -> Double { clx_log2(x) }
  public static func power(_ x: Double, _ y: Double) -> Double { clx_pow(x, y) }
}

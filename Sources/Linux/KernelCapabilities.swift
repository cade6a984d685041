import CLinux

extension CapabilitySet {
  /// The capabilities that the running kernel knows. See prctl(2), PR_CAPBSET_READ.
  public static var knownToKernel: CapabilitySet {
    var known: CapabilitySet = []
    for number in names.indices where clx_prctl(PR_CAPBSET_READ, UInt(number), 0, 0, 0) >= 0 {
      known.insert(CapabilitySet(rawValue: 1 << UInt64(number)))
    }
    return known
  }
}

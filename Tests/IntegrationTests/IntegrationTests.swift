import Testing

/// Drives the built program from outside, as root: `bin/apus`, or any other runtime with the same command line that the
/// environment variable `RUNTIME` names.
@Suite(.enabled(if: Machine.isRoot, "needs root"))
struct Integration {}

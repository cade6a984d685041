// swift-tools-version: 6.2
import PackageDescription

/// Settings of everything that ends up in the shipped binary. The front-end flags that keep Concurrency and
/// StringProcessing out cannot stand in a library target that others depend on: the Makefile passes them.
let shipped: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .strictMemorySafety(),
  .treatAllWarnings(as: .error),
]

let package = Package(
  name: "apus",
  products: [
    .library(name: "OCI", targets: ["OCI"]),
    .library(name: "Cgroups", targets: ["Cgroups"]),
    // With the modules whose types its interface is made of.
    .library(name: "Runtime", targets: ["Runtime", "OCI", "Linux"]),
    .executable(name: "apus", targets: ["apus"]),
  ],
  targets: [
    // C: what Swift cannot call, what runs before Swift, and the two libraries.
    .target(name: "CLinux", linkerSettings: [.linkedLibrary("m")]),
    .target(name: "CVersion"),
    .systemLibrary(name: "CYajl"),
    .systemLibrary(name: "CSeccomp"),

    // Ground floor first: a module imports only what stands above it here.
    .target(
      name: "Linux",
      dependencies: ["CLinux"],
      swiftSettings: shipped),
    .target(name: "JSON", dependencies: ["CYajl"], swiftSettings: shipped),
    .target(name: "OCI", dependencies: ["JSON"], swiftSettings: shipped),
    .target(name: "Cgroups", dependencies: ["OCI", "Linux"], swiftSettings: shipped),
    .target(name: "Seccomp", dependencies: ["OCI", "Linux", "CSeccomp"], swiftSettings: shipped),
    .target(name: "Sandbox", dependencies: ["OCI", "Linux", "Seccomp"], swiftSettings: shipped),
    .target(name: "Runtime", dependencies: ["Sandbox", "Cgroups"], swiftSettings: shipped),
    .executableTarget(
      name: "apus",
      dependencies: ["Runtime", "CVersion"],
      swiftSettings: shipped),

    // Unit tests: unprivileged and fast.
    .testTarget(name: "JSONTests", dependencies: ["JSON"]),
    .testTarget(name: "OCITests", dependencies: ["OCI", "TestSupport"], resources: [.copy("Schema")]),
    .testTarget(name: "LinuxTests", dependencies: ["Linux", "CTestSupport", "TestSupport"]),
    .testTarget(name: "CgroupsTests", dependencies: ["Cgroups", "TestSupport"]),
    .testTarget(name: "SeccompTests", dependencies: ["Seccomp"]),
    .testTarget(name: "SandboxTests", dependencies: ["Sandbox"]),
    .testTarget(name: "RuntimeTests", dependencies: ["Runtime", "TestSupport"]),
    .testTarget(name: "ApusTests", dependencies: ["apus"]),
    .target(name: "TestSupport", path: "Tests/TestSupport"),
    // Drives bin/apus from outside, as root.
    .target(name: "CTestSupport", path: "Tests/CTestSupport"),
    .executableTarget(name: "faults", path: "Tests/Faults"),
    .executableTarget(name: "embedding", dependencies: ["Runtime", "OCI", "Linux"], path: "Tests/Embedding"),
    .testTarget(name: "IntegrationTests", dependencies: ["CTestSupport"]),
  ]
)

import Linux
import OCI
import Sandbox
import Seccomp

/// `features`: what this runtime can do, as engines ask for it.
struct FeaturesCommand: Command {
  static var name: StaticString { "features" }
  static var summary: StaticString { "print what this runtime can do as JSON" }

  func run(in session: Session) throws(Failure) -> Int32 {
    try printOut(Features.ofThisRuntime.json(pretty: true) + [UInt8(ascii: "\n")])
    return 0
  }
}

extension Features {
  /// See features.md and features-linux.md.
  static var ofThisRuntime: Features {
    Features(
      ociVersionMin: "1.0.0",
      ociVersionMax: specificationVersion,
      hooks: hookNames,
      mountOptions: knownMountOptions,
      linux: Linux(
        namespaces: Config.NamespaceType.allCases,
        capabilities: CapabilitySet.knownToKernel.memberNames,
        cgroup: .init(v1: true, v2: true, systemd: true, systemdUser: true, rdma: true),
        seccomp: .init(
          enabled: true, actions: SeccompSupport.actions, operators: SeccompSupport.operators,
          archs: SeccompSupport.architectures, knownFlags: SeccompSupport.knownFlags,
          supportedFlags: SeccompSupport.supportedFlags),
        apparmor: .init(enabled: true),
        selinux: .init(enabled: true),
        intelRdt: .init(enabled: true, schemata: true, monitoring: true),
        memoryPolicy: .init(modes: Config.MemoryPolicy.Mode.allCases, flags: Config.MemoryPolicy.Flag.allCases),
        mountExtensions: .init(idmap: .init(enabled: true)),
        netDevices: .init(enabled: true)),
      annotations: [
        "io.github.seccomp.libseccomp.version": SeccompSupport.libraryVersion,
        // Under this name engines look for it.
        "org.opencontainers.runc.checkpoint.enabled": "true",
        "run.oci.apus.commit": Build.commit,
        "run.oci.apus.version": Build.version,
      ],
      potentiallyUnsafeConfigAnnotations: honouredAnnotations)
  }

  private static var hookNames: [String] {
    let kinds: [HookKind] = [.prestart, .createRuntime, .createContainer, .startContainer, .poststart, .poststop]
    return kinds.map { $0.rawValue }
  }

  /// The annotations of config.json that change what is done.
  private static var honouredAnnotations: [String] {
    [
      "org.apus.landlock.", "org.criu.config", "org.systemd.property.", "run.oci.delegate-cgroup",
      "run.oci.hooks.stderr", "run.oci.hooks.stdout", "run.oci.keep_original_groups", "run.oci.mount_context_type",
      "run.oci.pidfd_receiver", "run.oci.seccomp.receiver", "run.oci.seccomp_bpf_data",
      "run.oci.seccomp_fail_unknown_syscall", "run.oci.systemd.subgroup",
    ]
  }
}

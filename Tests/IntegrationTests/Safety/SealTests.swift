import Foundation
import Testing

extension Integration {
  /// No container can write to the runtime's own file (CVE-2019-5736).
  ///
  /// The program under attack is a copy: where an attack succeeds, it is the copy that is lost.
  @Suite struct Seal {
    /// From which file the runtime runs.
    enum Way: CaseIterable {
      case overlay
      /// As on a kernel that mounts no overlay for us.
      case copyInMemory
      /// As it was started: the kernel claims to have executed the sealed file, and has not. Shows that an attack is one.
      case unsealed

      func command(_ program: String) -> [String] {
        switch self {
        case .overlay: return [program]
        case .copyInMemory: return Seal.strace("fsopen:error=EPERM:when=1") + [program]
        case .unsealed: return Seal.strace("execveat:retval=0") + [program]
        }
      }
    }

    /// How somebody in a container comes by the file.
    enum Attack: CaseIterable {
      /// The process of a container that was not started yet is the runtime, for all who share its pid namespace.
      case createdProcess
      /// The same, by what the process has mapped.
      case mappedFile
      /// What the container executes is the program that it finds itself to be.
      case entrypoint
      /// The same, by way of a script.
      case script
      /// What is executed by `exec`.
      case executed

      /// Whether the container executes the runtime, which has to start in its root file system.
      var isInside: Bool { self == .entrypoint || self == .script || self == .executed }

      var arguments: [String] {
        // Writing the log file, it stays as long as nobody reads from the pipe.
        let staying = ["--log=/pipe", "nonsense"]
        switch self {
        case .createdProcess, .mappedFile: return ["sleep", "1000"]
        case .executed: return ["sh", "-c", "until test -e /end; do sleep 0.02; done"]
        case .entrypoint: return ["/proc/self/exe"] + staying
        case .script: return ["/script"]
        }
      }
    }

    /// Stops tracing at the first child: only what the command itself calls is tampered with.
    private static func strace(_ injections: String...) -> [String] {
      let calls = injections.map { String($0.prefix { $0 != ":" }) }.joined(separator: ",")
      return ["strace", "-qq", "-o", "/dev/null", "-e", "trace=\(calls)"]
        + injections.flatMap { ["-e", "inject=\($0)"] }
    }

    /// A copy of the runtime, in a directory of its own.
    private static func copyRuntime(to directory: String) throws -> String {
      try Files.makeDirectory(directory)
      let copy = directory + "/apus"
      try FileManager.default.copyItem(atPath: Machine.runtime, toPath: copy)
      return copy
    }

    private static func isUnchanged(_ copy: String) -> Bool {
      FileManager.default.contentsEqual(atPath: copy, andPath: Machine.runtime)
    }

    // MARK: attacks

    /// Opens a file that it is told of, waits, and writes to what it has opened. The answer is in `/result`.
    private static let attacker = """
      await() { while ! test -s $1; do sleep 0.02; done; }
      await /target
      exec 3< $(cat /target) || exit
      echo yes > /held
      await /go
      if echo attacked > /proc/$$/fd/3; then echo written > /result; else echo refused > /result; fi
      sleep 1000
      """

    private static func launchAttacker(_ bundle: Bundle) throws {
      // Everything it takes to look into a process that is not of this container.
      bundle.config["process"]["capabilities"] = Processing.capabilities([
        "CAP_SYS_PTRACE", "CAP_SYS_ADMIN", "CAP_DAC_OVERRIDE", "CAP_CHECKPOINT_RESTORE",
      ])
      try bundle.launch("sh", "-c", attacker)
    }

    private static func prepareVictim(_ bundle: Bundle, _ attack: Attack, besides attacker: Bundle) throws {
      bundle.namespace("pid", path: "/proc/\(try attacker.pid())/ns/pid")
      bundle.arguments = attack.arguments
      if mkfifo(bundle.rootfs + "/pipe", 0o600) != 0 { throw TestError.system("mkfifo") }
      try Files.write("#!/proc/self/exe --log=/pipe\n", to: bundle.rootfs + "/script", mode: 0o755)
    }

    /// The path by which the attacker finds the file of the process.
    private static func target(_ attack: Attack, _ pid: Int) throws -> String {
      let inside = try #require(Processes.status(pid, "NSpid")?.split(separator: "\t").last)
      guard attack == .mappedFile else { return "/proc/\(inside)/exe" }
      let program = try #require(Files.link("/proc/\(pid)/exe"))
      let maps = "/proc/\(pid)/map_files"
      let name = try #require(Files.names(maps).first { Files.link(maps + "/" + $0) == program })
      return "/proc/\(inside)/map_files/\(name)"
    }

    /// Plays the attack, and returns what came of the attacker's writing.
    private static func play(_ attack: Attack, _ victim: Bundle, _ attacker: Bundle) throws -> String {
      try launchAttacker(attacker)
      try prepareVictim(victim, attack, besides: attacker)
      try victim.create()
      var pid = try victim.pid()
      if attack.isInside { try victim.start() }
      if attack == .executed { pid = try victim.execDetached([], "/proc/self/exe", "--log=/pipe", "nonsense") }
      try Files.write(try target(attack, pid) + "\n", to: attacker.rootfs + "/target")
      try #require(waitUntil { Files.exists(attacker.rootfs + "/held") }, "the attacker has opened nothing")
      if attack.isInside {
        close(try Files.open(victim.rootfs + "/pipe", O_RDWR | O_NONBLOCK))
        try Files.write("", to: victim.rootfs + "/end")
        try victim.waitUntilStopped()
      } else {
        try victim.start()
      }
      // Nobody executes the file any more: that alone would keep it from being written to.
      try Files.write("yes\n", to: attacker.rootfs + "/go")
      let result = attacker.rootfs + "/result"
      try #require(waitUntil { (try? Files.read(result))?.isEmpty == false }, "the attacker has given up")
      return try Files.read(result)
    }

    private static func expect(
      _ attack: Attack, _ way: Way, comesTo result: String, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
      try withBundle { attacker throws in
        try withBundle { victim throws in
          let copy = try copyRuntime(to: victim.workspace + "/copy")
          victim.runtime = way.command(copy)
          defer { victim.runtime = [Machine.runtime] }
          #expect(try play(attack, victim, attacker) == result, sourceLocation: sourceLocation)
          #expect(isUnchanged(copy) == (result == "refused\n"), sourceLocation: sourceLocation)
        }
      }
    }

    /// Which attacks can be played: a program that needs libraries does not start in another root file system.
    static let attacks = Attack.allCases.filter { Machine.runtimeIsStatic || !$0.isInside }

    @Test(.enabled(if: Machine.hasFileSystem("overlay"), "needs overlay"), arguments: attacks)
    func noAttackReachesTheProgram(_ attack: Attack) throws {
      try Seal.expect(attack, .overlay, comesTo: "refused\n")
    }

    @Test(.enabled(if: Machine.canTrace, "needs strace, and the right to trace"), arguments: attacks)
    func noAttackReachesTheProgramWithoutOverlay(_ attack: Attack) throws {
      try Seal.expect(attack, .copyInMemory, comesTo: "refused\n")
    }

    @Test(.enabled(if: Machine.canTrace, "needs strace, and the right to trace"), arguments: attacks)
    func anUnsealedProgramFallsToEveryAttack(_ attack: Attack) throws {
      try Seal.expect(attack, .unsealed, comesTo: "written\n")
    }

    @Test(.enabled(if: Machine.runtimeIsStatic, "needs the static binary of make build"))
    func theProgramStartsInARootFileSystemWithoutLibraries() throws {
      try withBundle { bundle throws in
        bundle.arguments = ["/proc/self/exe", "--version"]
        let run = try bundle.run()
        #expect(run.status == 0 && run.output.hasPrefix("apus version "), "\(run)")
      }
    }

    // MARK: where the program lies

    /// Creates a container with the program, looks from which file its process runs, and tries to write to that.
    private static func expectSealed(_ bundle: Bundle, _ program: String, inPlace: Bool = false) throws {
      bundle.runtime = [program]
      try bundle.create()
      let exe = "/proc/\(try bundle.pid())/exe"
      #expect((Files.link(exe) == program) == inPlace)
      let descriptor = Glibc.open(exe, O_WRONLY | O_CLOEXEC)
      #expect(descriptor < 0)
      if descriptor >= 0 { close(descriptor) }
      bundle.runtime = [Machine.runtime]
      #expect(try bundle.apus("delete", "--force", bundle.id).status == 0)
    }

    private static func withMount(_ arguments: String..., on directory: String, _ body: () throws -> Void) throws {
      try Files.makeDirectory(directory)
      let mount = try Command(["mount"] + arguments + [directory], environment: ["PATH=\(Machine.path)"]).finish()
      try #require(mount.status == 0, "\(mount)")
      defer { umount2(directory, Int32(MNT_DETACH)) }
      try body()
    }

    private static func withOverlay(of lower: String, _ body: (String) throws -> Void) throws {
      let directory = lower + "-over"
      try withMount("-t", "tmpfs", "tmpfs", on: directory) {
        for name in ["upper", "work"] { try Files.makeDirectory(directory + "/" + name) }
        let options = "lowerdir=\(lower),upperdir=\(directory)/upper,workdir=\(directory)/work"
        try withMount("-t", "overlay", "-o", options, "overlay", on: directory + "/merged") {
          try body(directory + "/merged")
        }
      }
    }

    @Test func aProgramOnATmpfsIsSealed() throws {
      try withBundle { bundle throws in
        let directory = bundle.workspace + "/tmpfs"
        try Seal.withMount("-t", "tmpfs", "tmpfs", on: directory) {
          try Seal.expectSealed(bundle, try Seal.copyRuntime(to: directory))
        }
      }
    }

    @Test(.enabled(if: Machine.hasFileSystem("overlay"), "needs overlay"))
    func aProgramOnOverlaysIsSealed() throws {
      try withBundle { bundle throws in
        let lower = bundle.workspace + "/lower"
        let copy = try Seal.copyRuntime(to: lower)
        try Seal.withOverlay(of: lower) { merged in
          try Seal.expectSealed(bundle, merged + "/apus")
          // The kernel stacks no three of them.
          try Seal.withOverlay(of: merged) { twice in try Seal.expectSealed(bundle, twice + "/apus") }
        }
        #expect(Seal.isUnchanged(copy))
      }
    }

    @Test func onAReadOnlyFileSystemItIsSafeInPlace() throws {
      try withBundle { bundle throws in
        let directory = bundle.workspace + "/read-only"
        try Seal.withMount("-t", "tmpfs", "tmpfs", on: directory) {
          let copy = try Seal.copyRuntime(to: directory)
          try #require(try host("mount", "-o", "remount,ro", directory).status == 0)
          try Seal.expectSealed(bundle, copy, inPlace: true)
        }
      }
    }

    @Test func aReadOnlyMountOfAWritableFileSystemIsNotEnough() throws {
      try withBundle { bundle throws in
        let directory = bundle.workspace + "/read-only"
        let copy = try Seal.copyRuntime(to: directory)
        try Seal.withMount("--bind", "-o", "ro", directory, on: directory) { try Seal.expectSealed(bundle, copy) }
      }
    }

    @Test func aProgramMountedOverAnotherIsSealed() throws {
      try withBundle { bundle throws in
        let copy = try Seal.copyRuntime(to: bundle.workspace + "/apus")
        let other = bundle.workspace + "/other"
        // The directory without what is mounted in it has this one, and it must not be the one that runs.
        try FileManager.default.copyItem(atPath: bundle.rootfs + "/bin/busybox", toPath: other)
        try #require(mount(copy, other, "", UInt(MS_BIND), nil) == 0)
        defer { umount2(other, Int32(MNT_DETACH)) }
        try Seal.expectSealed(bundle, other)
        #expect(Seal.isUnchanged(copy))
      }
    }

    @Test func aProgramWhoseFileIsGoneIsSealed() throws {
      try withBundle { bundle throws in
        // Started by descriptor: its name leads to another file.
        let copy = try Seal.copyRuntime(to: bundle.workspace + "/gone")
        let descriptor = try Files.open(copy, O_RDONLY)
        defer { close(descriptor) }
        unlink(copy)
        try Files.write("#!/bin/false\n", to: copy, mode: 0o755)
        try bundle.writeConfig()
        let create = try Command(
          ["/proc/self/fd/3", "--root", bundle.states, "create", "-b", bundle.directory, bundle.id],
          environment: ["PATH=\(Machine.path)", bundle.marker], descriptors: [descriptor]
        ).finish()
        #expect(create.status == 0, "\(create)")
        #expect(Files.link("/proc/\(try bundle.pid())/exe")?.hasPrefix("/memfd:apus") == true)
      }
    }

    // MARK: the sealing itself

    @Test(.enabled(if: Machine.canTrace, "needs strace, and the right to trace"))
    func whereItCannotBeSealedNoContainerIsMade() throws {
      try withBundle { bundle throws in
        bundle.runtime = Seal.strace("fsopen:error=EPERM", "memfd_create:error=EACCES") + [Machine.runtime]
        let outcome = try bundle.tryCreate()
        bundle.runtime = [Machine.runtime]
        bundle.expectRefused(outcome, "create", ["seal: memfd_create", "permission denied", "vm.memfd_noexec"])
      }
    }

    @Test(.enabled(if: Machine.canTrace, "needs strace, and the right to trace"))
    func argumentsEnvironmentAndDescriptorsSurviveBothWays() throws {
      for way in [Way.overlay, .copyInMemory] {
        try withBundle { bundle throws in
          let file = try Scratch.file()
          defer { close(file) }
          bundle.runtime = way.command(Machine.runtime)
          bundle.environment = ["LISTEN_FDS=1"]
          bundle.arguments = ["sh", "-c", "echo through >&3; echo $LISTEN_FDS"]
          try bundle.writeConfig()
          let run = try bundle.begin(
            ["run", "--bundle=" + bundle.directory, bundle.id], descriptors: [file]
          ).finish()
          #expect(run.status == 0 && run.line == "1", "\(run)")
          lseek(file, 0, SEEK_SET)
          #expect(try Files.read(file) == Array("through\n".utf8))
        }
      }
    }

    @Test(.enabled(if: Machine.canTrace, "needs strace, and the right to trace"))
    func theSealedProgramKeepsItsName() throws {
      try withBundle { bundle throws in
        bundle.runtime = Way.copyInMemory.command(Machine.runtime)
        try bundle.create()
        #expect(try Files.read("/proc/\(try bundle.pid())/comm") == "apus\n")
      }
    }

    @Test func noVariableIsTakenForASeal() throws {
      try withBundle { bundle throws in
        // Names that other runtimes go by.
        bundle.environment = ["_APUS_SEALED=1", "_LIBCONTAINER_CLONED_BINARY=1"]
        let copy = try Seal.copyRuntime(to: bundle.workspace + "/copy")
        try Seal.expectSealed(bundle, copy)
      }
    }
  }
}

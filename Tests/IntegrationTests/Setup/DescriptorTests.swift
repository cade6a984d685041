import Foundation
import Testing

extension Integration {
  /// Which descriptors a container gets: none but the standard three and those it is to have.
  @Suite struct Descriptors {
    /// Prints the open descriptors of the shell, without opening one.
    private static let script = "for n in 0 1 2 3 4 5 6 7 8 9; do test -L /proc/$$/fd/$n && echo -n $n; done; echo"
    private static let list = ["sh", "-c", script]

    private static func open() throws -> [Int32] { try (0..<3).map { _ in try Files.open("/dev/null", O_RDWR) } }

    @Test func noneOfTheCallersReachesTheContainer() throws {
      try withBundle { bundle throws in
        let extra = try Descriptors.open()
        defer { extra.forEach { close($0) } }
        bundle.arguments = Descriptors.list
        let run = try bundle.run(descriptors: extra)
        #expect(run.line == "012", "\(run)")
      }
    }

    /// A file in a mount of the host cannot be checkpointed.
    @Test(arguments: [true, false])
    func standardInputIsTheContainersOwnNullDevice(_ hasDev: Bool) throws {
      try withBundle { bundle throws in
        if hasDev { bundle.mount("/dev", type: "tmpfs", from: "tmpfs") }
        try bundle.expect(
          """
          id=$(sed -n 's/^mnt_id:\t//p' /proc/self/fdinfo/0)
          grep -q "^$id " /proc/self/mountinfo && readlink /proc/self/fd/0
          """, prints: "/dev/null")
      }
    }

    /// What the image has in the place of the device is not opened.
    @Test func standardInputStaysWhereTheContainerHasNoNullDevice() throws {
      try withBundle { bundle throws in
        let image = bundle.directory + "/dev"
        try Files.makeDirectory(image)
        try Files.write("words", to: image + "/null")
        bundle.mount("/dev", type: "bind", from: image, "bind")
        try bundle.expect("cat; cat /dev/null", prints: "words")
      }
    }

    @Test func noneOfTheCallersReachesACreatedContainer() throws {
      try withBundle { bundle throws in
        let extra = try Descriptors.open()
        defer { extra.forEach { close($0) } }
        bundle.arguments = Descriptors.list
        try bundle.writeConfig()
        let flags: [String] = []
        let create = try bundle.begin(
          ["create", "-b", bundle.directory] + flags + [bundle.id], descriptors: extra)
        #expect(try create.finish().status == 0)
        try bundle.start()
        try bundle.waitUntilStopped()
        #expect(try create.outputSoFar == "012\n")
      }
    }

    @Test(arguments: [(0, "012"), (1, "0123"), (3, "012345")])
    func asManyAreKeptAsAsked(_ count: Int, _ seen: String) throws {
      try withBundle { bundle throws in
        let extra = try Descriptors.open()
        defer { extra.forEach { close($0) } }
        bundle.arguments = Descriptors.list
        let run = try bundle.run("--preserve-fds", String(count), descriptors: extra)
        #expect(run.line == seen, "\(run)")
      }
    }

    @Test func aKeptDescriptorIsTheCallers() throws {
      try withBundle { bundle throws in
        let file = try Scratch.file()
        defer { close(file) }
        bundle.arguments = ["sh", "-c", "echo through >&3"]
        let run = try bundle.run("--preserve-fds=1", descriptors: [file])
        #expect(run.status == 0, "\(run)")
        lseek(file, 0, SEEK_SET)
        #expect(try Files.read(file) == Array("through\n".utf8))
      }
    }

    @Test func keptDescriptorsSurviveCreateAndStart() throws {
      try withBundle { bundle throws in
        let extra = try Descriptors.open()
        defer { extra.forEach { close($0) } }
        bundle.arguments = Descriptors.list
        try bundle.writeConfig()
        let flags: [String] = ["--preserve-fds", "2"]
        let create = try bundle.begin(
          ["create", "-b", bundle.directory] + flags + [bundle.id], descriptors: extra)
        #expect(try create.finish().status == 0)
        try bundle.start()
        try bundle.waitUntilStopped()
        #expect(try create.outputSoFar == "01234\n")
      }
    }

    @Test func aDescriptorThatIsNotOpenCannotBeKept() throws {
      try withBundle { bundle throws in
        let run = try bundle.run("--preserve-fds", "1")
        #expect(run.status == 1)
        #expect(run.errors.contains("descriptor 3"))
        bundle.expectNothingLeft()
      }
    }

    @Test func activatedSocketsArePassedAndAnnounced() throws {
      try withBundle { bundle throws in
        let extra = try Descriptors.open()
        defer { extra.forEach { close($0) } }
        bundle.environment = ["LISTEN_FDS=2"]
        bundle.arguments = ["sh", "-c", "\(Descriptors.script); echo $LISTEN_FDS $LISTEN_PID $$"]
        let run = try bundle.run(descriptors: extra)
        #expect(run.lines == ["01234", "2 1 1"], "\(run)")
      }
    }

    @Test func activatedSocketsAndKeptDescriptorsAddUp() throws {
      try withBundle { bundle throws in
        let extra = try Descriptors.open()
        defer { extra.forEach { close($0) } }
        bundle.environment = ["LISTEN_FDS=1"]
        bundle.arguments = ["sh", "-c", "\(Descriptors.script); echo $LISTEN_FDS"]
        let run = try bundle.run("--preserve-fds", "2", descriptors: extra)
        #expect(run.lines == ["012345", "1"], "\(run)")
      }
    }

    @Test func theCreatorKeepsNobodyWaiting() throws {
      try withBundle { bundle throws in
        // Whoever reads the other end of a pipe that was passed on by mistake would wait for ever.
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        defer { close(ends[0]) }
        bundle.arguments = ["sleep", "1000"]
        let create = try bundle.tryCreate(descriptors: [ends[1]])
        close(ends[1])
        #expect(create.status == 0, "\(create)")
        var polled = pollfd(fd: ends[0], events: Int16(POLLIN), revents: 0)
        #expect(poll(&polled, 1, 10_000) == 1)
        #expect(polled.revents & Int16(POLLHUP) != 0)
      }
    }
  }
}

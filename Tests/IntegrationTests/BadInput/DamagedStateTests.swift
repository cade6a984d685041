import Foundation
import Testing

extension Integration {
  /// State directories that a crash, a full disk or a curious person has left behind.
  @Suite struct DamagedStates {
    /// How the directory of the container was damaged.
    enum Damage: String, CaseIterable, Sendable {
      case empty, file, emptyState, garbage, truncated, otherDocument, directory, wrongTypes

      func inflict(_ bundle: Bundle) throws {
        let directory = bundle.states + "/" + bundle.id
        try Files.makeDirectory(bundle.states)
        if self == .file { return try Files.write("", to: directory) }
        try Files.makeDirectory(directory)
        let state = bundle.stateFile
        switch self {
        case .empty, .file: break
        case .emptyState: try Files.write("", to: state)
        case .garbage: try Files.write("\u{1}\u{2}garbage", to: state)
        case .truncated: try Files.write("{\"state\":{\"ociVersion\":\"1.3.0\",\"id\":\"", to: state)
        case .otherDocument: try Files.write("{}", to: state)
        case .directory: try Files.makeDirectory(state)
        case .wrongTypes:
          try Files.write("{\"state\":7,\"startTime\":-1,\"cgroups\":{},\"hasProcess\":\"yes\"}", to: state)
        }
      }
    }

    @Test(arguments: Damage.allCases, ["state", "start", "kill", "delete", "ps"])
    func aCommandFailsWithOneLine(_ damage: Damage, _ command: String) throws {
      try withBundle { bundle throws in
        try damage.inflict(bundle)
        let outcome = try bundle.apus(command, bundle.id)
        bundle.expectError(outcome, of: command)
        #expect(outcome.errors.contains(bundle.id))
      }
    }

    @Test(arguments: Damage.allCases)
    func listGoesOn(_ damage: Damage) throws {
      try withBundle { bundle throws in
        try damage.inflict(bundle)
        let list = try bundle.apus("list", "--format", "json")
        #expect(list.status == 0, "\(list)")
        #expect(try JSON(parsing: list.output) == [])
      }
    }

    @Test(arguments: Damage.allCases)
    func theIdIsInUse(_ damage: Damage) throws {
      try withBundle { bundle throws in
        try damage.inflict(bundle)
        let create = try bundle.tryCreate()
        #expect(create.status == 1)
        #expect(create.errors.contains("already exists"), "\(create)")
      }
    }

    @Test(arguments: Damage.allCases)
    func deleteByForceMakesRoomForANewOne(_ damage: Damage) throws {
      try withBundle { bundle throws in
        try damage.inflict(bundle)
        let delete = try bundle.apus("delete", "--force", bundle.id)
        #expect(delete.status == 0, "\(delete)")
        #expect(bundle.ids == [])
        try bundle.create()
      }
    }

    @Test func aContainerWhoseStateWasDamagedCanStillBeRemoved() throws {
      try withBundle { bundle throws in
        try bundle.launch("sleep", "1000")
        try Files.write("garbage", to: bundle.stateFile)
        #expect(try bundle.apus("state", bundle.id).status == 1)
        // What the record would have told is lost: the test ends the process and removes the cgroup.
        #expect(try bundle.apus("delete", "--force", bundle.id).status == 0)
        for pid in Processes.marked(bundle.marker) { kill(pid, SIGKILL) }
        #expect(
          waitUntil {
            Children.shared.reapOrphans()
            for cgroup in Hierarchies.existing(bundle.cgroupsPath) { Hierarchies.remove(cgroup) }
            return Processes.marked(bundle.marker).isEmpty && Hierarchies.existing(bundle.cgroupsPath).isEmpty
          })
      }
    }

    @Test func aLineThatWasNotFinishedDoesNotCount() throws {
      try withBundle { bundle throws in
        try bundle.create()
        let pid = try bundle.pid()
        let whole = try Files.read(bundle.stateFile)
        try Files.write(whole + "{\"state\":{\"ociVersion\":\"1.3.0\",\"id", to: bundle.stateFile)
        #expect(try bundle.status == "created")
        #expect(try bundle.pid() == pid)
        #expect(try bundle.apus("delete", "--force", bundle.id).status == 0)
      }
    }

    @Test func aContainerWhoseProcessNumberWasReusedIsStopped() throws {
      try withBundle { bundle throws in
        try bundle.launch("true")
        try bundle.waitUntilStopped()
        // Another process has the number now: ours.
        try bundle.amendState { $0["state"]["pid"] = JSON(getpid()) }
        #expect(try bundle.status == "stopped")
        #expect(try bundle.apus("kill", bundle.id, "KILL").status == 1)
        #expect(try bundle.apus("delete", bundle.id).status == 0)
      }
    }

    @Test func aContainerWhoseRootFileSystemIsGoneIsDeleted() throws {
      try withBundle { bundle throws in
        try bundle.launch("true")
        try bundle.waitUntilStopped()
        Files.removeTree(bundle.rootfs)
        #expect(try bundle.apus("delete", bundle.id).status == 0)
        bundle.expectNothingLeft()
      }
    }

    @Test func aContainerWhoseCgroupIsGoneIsDeleted() throws {
      try withBundle { bundle throws in
        try bundle.launch("true")
        try bundle.waitUntilStopped()
        Children.shared.reapOrphans()
        for cgroup in Hierarchies.existing(bundle.cgroupsPath) { Hierarchies.remove(cgroup) }
        #expect(try bundle.apus("delete", bundle.id).status == 0)
        bundle.expectNothingLeft()
      }
    }
  }
}

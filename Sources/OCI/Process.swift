import JSON

extension Config {
  /// The program a container runs (config.md, "Process"); also the document of `exec --process`.
  public struct Process: Equatable, Sendable, JSON.Writable {
    /// Whether the process gets a pseudo terminal.
    public var terminal: Bool
    /// The size of the terminal. Ignored without one.
    public var consoleSize: ConsoleSize?
    /// The identity the process runs with.
    public var user: User
    /// The program and its arguments, as in execvp(3).
    public var args: [String]
    /// The whole command line; Windows only, carried for completeness.
    public var commandLine: String?
    /// The environment, each entry `NAME=value`.
    public var env: [String]
    /// The working directory, absolute inside the container.
    public var cwd: String
    /// The capability sets. Absent: none at all.
    public var capabilities: Capabilities?
    /// Resource limits, see setrlimit(2).
    public var rlimits: [Rlimit]
    /// Whether no_new_privs is set, see prctl(2).
    public var noNewPrivileges: Bool
    /// The AppArmor profile the process is confined by.
    public var apparmorProfile: String?
    /// Written to `/proc/self/oom_score_adj`, -1000 to 1000.
    public var oomScoreAdj: Int32?
    /// The SELinux label of the process.
    public var selinuxLabel: String?
    /// The I/O priority, see ioprio_set(2).
    public var ioPriority: IOPriority?
    /// The scheduling policy, see sched_setattr(2).
    public var scheduler: Scheduler?
    /// CPU affinity of processes that `exec` brings into the container.
    public var execCPUAffinity: ExecCPUAffinity?

    public init(
      terminal: Bool = false, consoleSize: ConsoleSize? = nil, user: User = User(), args: [String] = [],
      commandLine: String? = nil, env: [String] = [], cwd: String, capabilities: Capabilities? = nil,
      rlimits: [Rlimit] = [], noNewPrivileges: Bool = false, apparmorProfile: String? = nil, oomScoreAdj: Int32? = nil,
      selinuxLabel: String? = nil, ioPriority: IOPriority? = nil, scheduler: Scheduler? = nil,
      execCPUAffinity: ExecCPUAffinity? = nil
    ) {
      self.terminal = terminal
      self.consoleSize = consoleSize
      self.user = user
      self.args = args
      self.commandLine = commandLine
      self.env = env
      self.cwd = cwd
      self.capabilities = capabilities
      self.rlimits = rlimits
      self.noNewPrivileges = noNewPrivileges
      self.apparmorProfile = apparmorProfile
      self.oomScoreAdj = oomScoreAdj
      self.selinuxLabel = selinuxLabel
      self.ioPriority = ioPriority
      self.scheduler = scheduler
      self.execCPUAffinity = execCPUAffinity
    }

    public init(_ json: JSON.Object) throws(JSON.Error) {
      terminal = try json.optionalBool("terminal") ?? false
      consoleSize = try json.optionalObject("consoleSize", ConsoleSize.init)
      user = try json.optionalObject("user", User.init) ?? User()
      args = try json.strings("args")
      commandLine = try json.nonEmptyString("commandLine")
      env = try json.strings("env")
      cwd = try json.string("cwd")
      capabilities = try json.optionalObject("capabilities", Capabilities.init)
      rlimits = try json.objects("rlimits", Rlimit.init)
      noNewPrivileges = try json.optionalBool("noNewPrivileges") ?? false
      apparmorProfile = try json.nonEmptyString("apparmorProfile")
      oomScoreAdj = try json.optionalInteger("oomScoreAdj")
      selinuxLabel = try json.nonEmptyString("selinuxLabel")
      ioPriority = try json.optionalObject("ioPriority", IOPriority.init)
      scheduler = try json.optionalObject("scheduler", Scheduler.init)
      execCPUAffinity = try json.optionalObject("execCPUAffinity", ExecCPUAffinity.init)
    }

    public func encode(to writer: inout JSON.Writer) {
      writer.object { json in
        if terminal { json.member("terminal", true) }
        json.member("consoleSize", consoleSize)
        json.member("user", user)
        json.member("args", args)
        json.member("commandLine", commandLine)
        json.member("env", env)
        json.member("cwd", cwd)
        json.member("capabilities", capabilities)
        json.member("rlimits", rlimits)
        if noNewPrivileges { json.member("noNewPrivileges", true) }
        json.member("apparmorProfile", apparmorProfile)
        json.member("oomScoreAdj", oomScoreAdj)
        json.member("selinuxLabel", selinuxLabel)
        json.member("ioPriority", ioPriority)
        json.member("scheduler", scheduler)
        json.member("execCPUAffinity", execCPUAffinity)
      }
    }
  }
}

extension Config.Process {
  /// The size of the terminal in characters.
  public struct ConsoleSize: Equatable, Sendable, JSON.Writable {
    /// Rows.
    public var height: UInt64
    /// Columns.
    public var width: UInt64

    public init(height: UInt64, width: UInt64) {
      self.height = height
      self.width = width
    }

    public init(_ json: JSON.Object) throws(JSON.Error) {
      height = try json.integer("height")
      width = try json.integer("width")
    }

    public func encode(to writer: inout JSON.Writer) {
      writer.object { json in
        json.member("height", height)
        json.member("width", width)
      }
    }
  }

  /// The identity of the process (config.md, "POSIX-platform User").
  public struct User: Equatable, Sendable, JSON.Writable {
    /// The user id inside the container.
    public var uid: UInt32
    /// The group id inside the container.
    public var gid: UInt32
    /// The file mode creation mask. Absent: the runtime's choice.
    public var umask: UInt32?
    /// Supplementary group ids inside the container.
    public var additionalGids: [UInt32]
    /// The user's name; Windows only, carried for completeness.
    public var username: String?

    public init(
      uid: UInt32 = 0, gid: UInt32 = 0, umask: UInt32? = nil, additionalGids: [UInt32] = [], username: String? = nil
    ) {
      self.uid = uid
      self.gid = gid
      self.umask = umask
      self.additionalGids = additionalGids
      self.username = username
    }

    public init(_ json: JSON.Object) throws(JSON.Error) {
      uid = try json.integer("uid")
      gid = try json.integer("gid")
      umask = try json.optionalInteger("umask")
      additionalGids = try json.integers("additionalGids")
      username = try json.nonEmptyString("username")
    }

    public func encode(to writer: inout JSON.Writer) {
      writer.object { json in
        json.member("uid", uid)
        json.member("gid", gid)
        json.member("umask", umask)
        json.member("additionalGids", additionalGids)
        json.member("username", username)
      }
    }
  }

  /// The five capability sets by name (`CAP_KILL`), see capabilities(7). Names the running kernel does not know are
  /// kept.
  public struct Capabilities: Equatable, Sendable, JSON.Writable {
    /// What execve can ever grant.
    public var bounding: [String]
    /// What the kernel checks against.
    public var effective: [String]
    /// What survives execve through file capabilities.
    public var inheritable: [String]
    /// What the process may make effective.
    public var permitted: [String]
    /// What survives execve of an unprivileged program.
    public var ambient: [String]

    public init(
      bounding: [String] = [], effective: [String] = [], inheritable: [String] = [], permitted: [String] = [],
      ambient: [String] = []
    ) {
      self.bounding = bounding
      self.effective = effective
      self.inheritable = inheritable
      self.permitted = permitted
      self.ambient = ambient
    }

    public init(_ json: JSON.Object) throws(JSON.Error) {
      bounding = try json.strings("bounding")
      effective = try json.strings("effective")
      inheritable = try json.strings("inheritable")
      permitted = try json.strings("permitted")
      ambient = try json.strings("ambient")
    }

    public func encode(to writer: inout JSON.Writer) {
      writer.object { json in
        json.member("bounding", bounding)
        json.member("effective", effective)
        json.member("inheritable", inheritable)
        json.member("permitted", permitted)
        json.member("ambient", ambient)
      }
    }
  }

  /// One resource limit.
  public struct Rlimit: Equatable, Sendable, JSON.Writable {
    /// The name as in setrlimit(2): `RLIMIT_NOFILE`.
    public var type: String
    /// The value the kernel enforces; the largest number stands for "unlimited".
    public var soft: UInt64
    /// The ceiling of `soft`.
    public var hard: UInt64

    public init(type: String, soft: UInt64, hard: UInt64) {
      self.type = type
      self.soft = soft
      self.hard = hard
    }

    public init(_ json: JSON.Object) throws(JSON.Error) {
      type = try json.string("type")
      soft = try json.integer("soft")
      hard = try json.integer("hard")
    }

    public func encode(to writer: inout JSON.Writer) {
      writer.object { json in
        json.member("type", type)
        json.member("soft", soft)
        json.member("hard", hard)
      }
    }
  }
}

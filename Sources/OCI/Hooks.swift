import JSON

extension Config {
  /// Programs to run at points of the life cycle (config.md, "POSIX-platform Hooks"), each list in order.
  public struct Hooks: Equatable, Sendable, JSON.Writable {
    /// Deprecated: with `createRuntime`, before its hooks; in the runtime's namespaces.
    public var prestart: [Hook]
    /// After the environment is created, before pivot_root; in the runtime's namespaces.
    public var createRuntime: [Hook]
    /// Likewise, in the container's namespaces.
    public var createContainer: [Hook]
    /// Before the program is executed; in the container's namespaces.
    public var startContainer: [Hook]
    /// After the program has started; in the runtime's namespaces.
    public var poststart: [Hook]
    /// After the container is deleted; in the runtime's namespaces.
    public var poststop: [Hook]

    public init(
      prestart: [Hook] = [], createRuntime: [Hook] = [], createContainer: [Hook] = [], startContainer: [Hook] = [],
      poststart: [Hook] = [], poststop: [Hook] = []
    ) {
      self.prestart = prestart
      self.createRuntime = createRuntime
      self.createContainer = createContainer
      self.startContainer = startContainer
      self.poststart = poststart
      self.poststop = poststop
    }

    public init(_ json: JSON.Object) throws(JSON.Error) {
      prestart = try json.objects("prestart", Hook.init)
      createRuntime = try json.objects("createRuntime", Hook.init)
      createContainer = try json.objects("createContainer", Hook.init)
      startContainer = try json.objects("startContainer", Hook.init)
      poststart = try json.objects("poststart", Hook.init)
      poststop = try json.objects("poststop", Hook.init)
    }

    public func encode(to writer: inout JSON.Writer) {
      writer.object { json in
        json.member("prestart", prestart)
        json.member("createRuntime", createRuntime)
        json.member("createContainer", createContainer)
        json.member("startContainer", startContainer)
        json.member("poststart", poststart)
        json.member("poststop", poststop)
      }
    }
  }

  /// A program that gets the state document on its standard input.
  public struct Hook: Equatable, Sendable, JSON.Writable {
    /// The executable, absolute.
    public var path: String
    /// All arguments including argument 0, as in execv(3). Empty: the path alone.
    public var args: [String]
    /// The whole environment, each entry `NAME=value`. Absent: that of who runs the hook, the runtime or, in the
    /// container, its process.
    public var env: [String]?
    /// Seconds until it is killed. Absent: it may take for ever.
    public var timeout: Int64?

    public init(path: String, args: [String] = [], env: [String]? = nil, timeout: Int64? = nil) {
      self.path = path
      self.args = args
      self.env = env
      self.timeout = timeout
    }

    public init(_ json: JSON.Object) throws(JSON.Error) {
      path = try json.string("path")
      args = try json.strings("args")
      env = try json["env"]?.strings()
      timeout = try json.optionalInteger("timeout")
    }

    public func encode(to writer: inout JSON.Writer) {
      writer.object { json in
        json.member("path", path)
        json.member("args", args)
        if let env {
          json.key("env")
          json.array { json in
            for entry in env { json.value(entry) }
          }
        }
        json.member("timeout", timeout)
      }
    }
  }
}

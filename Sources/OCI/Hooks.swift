extension Config {
  /// Programs to run at points of the life cycle (config.md, "POSIX-platform Hooks"), each list in order.
  public struct Hooks: Equatable, Sendable {
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
  }

  /// A program that gets the state document on its standard input.
  public struct Hook: Equatable, Sendable {
    /// The executable, absolute.
    public var path: String
    /// All arguments including argument 0, as in execv(3). Empty: the path alone.
    public var args: [String]
    /// The whole environment, each entry `NAME=value`.
    public var env: [String]
    /// Seconds until it is killed. Absent: it may take for ever.
    public var timeout: Int64?

    public init(path: String, args: [String] = [], env: [String] = [], timeout: Int64? = nil) {
      self.path = path
      self.args = args
      self.env = env
      self.timeout = timeout
    }
  }
}

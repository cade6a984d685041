import JSON

/// A problem and where it stands.
public struct LocatedProblem: Equatable, Sendable {
  /// The line and the column in characters, from 1; both 0 when it is not in the document.
  public var line: Int
  public var column: Int
  public var problem: Problem

  init(_ problem: Problem, line: Int, column: Int) {
    self.line = line
    self.column = column
    self.problem = problem
  }

  /// One that is not in the document.
  public init(_ problem: Problem) { self.init(problem, line: 0, column: 0) }
}

/// Everything that is wrong with a config.json as a document: one pass, no system call.
public struct Inspection {
  /// What could be read; what could not is left empty in it. `nil`: not even JSON.
  public private(set) var config: Config?
  public private(set) var problems: [LocatedProblem] = []
  private var document: JSON.Document?
  /// The paths of what could not be read.
  private var unreadable: [String] = []

  public init(json bytes: [UInt8], file: String) {
    let recorder = JSON.Recorder()
    do throws(JSON.Error) {
      let document = try JSON.Document(bytes, file: file, recorder: recorder)
      self.document = document
      config = try Config(document.root.object())
    } catch {
      add(error)
    }
    for error in recorder.errors { add(error) }
    for problem in config?.validate() ?? [] { add(problem) }
  }

  /// Whether something is known to be wrong with the value, something in it, or what it is in.
  public func hasError(at path: String) -> Bool {
    problems.contains { known in
      known.problem.severity == .error && (known.problem.path.isWithin(path) || path.isWithin(known.problem.path))
    }
  }

  /// Adds what was found by other means. What cannot be read is not told a second time as a wrong value.
  public mutating func add(_ problem: Problem) {
    if unreadable.contains(where: { problem.path.isWithin($0) || $0.isWithin(problem.path) }) { return }
    let (line, column) = document?.place(of: problem.path) ?? (0, 0)
    problems.append(LocatedProblem(problem, line: line, column: column))
  }

  private mutating func add(_ error: JSON.Error) {
    // Read twice, it is wrong twice.
    if unreadable.contains(error.path) && !error.path.isEmpty { return }
    unreadable.append(error.path)
    problems.append(
      LocatedProblem(
        Problem(.error, error.path, error.message, hint: error.hint), line: error.line, column: error.column))
  }
}

extension String {
  /// Whether this is `path`, or leads to something in it.
  fileprivate func isWithin(_ path: String) -> Bool {
    self == path || path.isEmpty || hasPrefix(path + ".") || hasPrefix(path + "[")
  }
}

import JSON
import Linux
import OCI
import Sandbox

/// What is wrong with a bundle: as a document, and for this machine and this caller.
public struct BundleReport: JSON.Writable {
  /// The configuration's name, for messages.
  public var file: String
  public var problems: [LocatedProblem]

  /// Whether a container could be made of it, as far as can be seen.
  public var isSound: Bool { !problems.contains { $0.problem.severity == .error } }

  /// One line a problem: `config.json:41:18: error: linux.resources.memory.limit: expected an integer, …`
  public var lines: [String] {
    problems.map { found in
      let place = found.line == 0 ? file : file + ":" + String(found.line) + ":" + String(found.column)
      let text = found.problem.path.isEmpty ? found.problem.text : found.problem.description
      return place + ": " + found.problem.severity.rawValue + ": " + text
    }
  }

  public func encode(to writer: inout JSON.Writer) {
    writer.object { json in
      json.member("sound", isSound)
      json.member("problems", problems.map { Entry(file: file, found: $0) })
    }
  }

  private struct Entry: JSON.Writable {
    var file: String
    var found: LocatedProblem

    func encode(to writer: inout JSON.Writer) {
      writer.object { json in
        json.member("file", file)
        if found.line > 0 {
          json.member("line", found.line)
          json.member("column", found.column)
        }
        json.member("path", found.problem.path)
        json.member("severity", found.problem.severity.rawValue)
        json.member("message", found.problem.message)
        json.member("hint", found.problem.hint)
      }
    }
  }
}

extension Problem {
  fileprivate var text: String { message + (hint.map { "; " + $0 } ?? "") }
}

extension ContainerStore {
  /// Looks for everything that would keep the bundle from becoming a container here. Makes none.
  ///
  /// Limits are tried on a cgroup that exists for the moment and holds nothing.
  public func check(_ bundle: String, configFile: String? = nil) -> BundleReport {
    let file = configFile ?? "config.json"
    let path: String
    let bytes: [UInt8]
    do throws(SystemError) {
      path = try resolvedPath(bundle)
      bytes = try readFile(absolute(file, in: path), estimate: 32768)
    } catch {
      let problem = Problem(.error, "", error.description, hint: "is this a bundle?")
      return BundleReport(file: file, problems: [LocatedProblem(problem)])
    }
    var inspection = Inspection(json: bytes, file: file)
    if let config = inspection.config {
      var machine = MachineCheck(config: config, bundle: path, inspection: inspection)
      machine.run(in: self)
      inspection = machine.inspection
    }
    return BundleReport(
      file: file, problems: inspection.problems.sorted { ($0.line, $0.column) < ($1.line, $1.column) })
  }
}

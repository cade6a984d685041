import Foundation
import Testing

/// What an independent validator says of documents, by the specification's own schemas.
private enum Validator {
  static let schemas = Machine.repository + "/Tests/OCITests/Schema/"
  static let python = "/usr/bin/python3"

  static let isThere: Bool = {
    let made = try? Command([python, "-c", "import jsonschema"], environment: ["PATH=\(Machine.path)"]).finish()
    return made?.status == 0
  }()

  /// The messages for each document; none: it is valid.
  static func judge(_ documents: [String], by schema: String) throws -> [[String]] {
    let request: JSON = ["schema": .string(schemas + schema), "documents": JSON(documents)]
    let file = Scratch.directory + "/" + Scratch.name("request")
    try Files.write(request.serialized, to: file)
    let input = try Files.open(file, O_RDONLY)
    defer { close(input) }
    let made = try Command(
      [python, "-W", "ignore", Machine.repository + "/Tests/validate.py"], environment: ["PATH=\(Machine.path)"],
      input: input
    ).finish()
    try #require(made.status == 0, "\(made.errors)")
    return try JSON(parsing: made.output).elements.map { $0.elements.compactMap(\.text) }
  }

  static func expectValid(_ document: String, by schema: String) throws {
    #expect(try judge([document], by: schema) == [[]], "\(document)")
  }
}

extension Integration {
  @Suite(.enabled(if: Validator.isThere, "needs Debian's python3-jsonschema")) struct Schemas {
    @Test func theValidatorKnowsBadFromGood() throws {
      for kind in ["config", "features", "state"] {
        for (folder, isGood) in [("good", true), ("bad", false)] {
          let path = Validator.schemas + "examples/\(kind)/\(folder)/"
          let documents = try Files.names(path).map { try Files.read(path + $0) }
          #expect(!documents.isEmpty)
          for messages in try Validator.judge(documents, by: kind + "-schema.json") {
            #expect(messages.isEmpty == isGood)
          }
        }
      }
    }

    @Test func everyStateIsValid() throws {
      try withBundle { bundle throws in
        bundle.arguments = ["sleep", "600"]
        bundle.config["annotations"] = ["org.example.key": "value"]
        let hook = bundle.workspace + "/state"
        bundle.config["hooks"] = [
          "createRuntime": [["path": "/bin/sh", "args": ["sh", "-c", .string("cat >" + hook)]]]
        ]
        try bundle.create()
        try Validator.expectValid(try Files.read(hook), by: "state-schema.json")
        try Validator.expectValid(try bundle.apus("state", bundle.id).output, by: "state-schema.json")
        try bundle.start()
        try Validator.expectValid(try bundle.apus("state", bundle.id).output, by: "state-schema.json")
        try bundle.apus("kill", bundle.id, "KILL")
        #expect(try waitUntil { try bundle.status == "stopped" })
        try Validator.expectValid(try bundle.apus("state", bundle.id).output, by: "state-schema.json")
      }
    }

    @Test func theFeaturesAreValid() throws {
      try withBundle { bundle throws in
        try Validator.expectValid(try bundle.apus("features").output, by: "features-schema.json")
      }
    }

    @Test(arguments: [[], ["--rootless"]])
    func theExampleConfigurationIsValid(flags: [String]) throws {
      try withBundle { bundle throws in
        let made = try bundle.begin(["spec", "--file", bundle.workspace + "/example.json"] + flags).finish()
        #expect(made.status == 0)
        try Validator.expectValid(try Files.read(bundle.workspace + "/example.json"), by: "config-schema.json")
      }
    }

    /// What the schema refuses, apus refuses, too, and names the place. (Not the other way round: the schema knows neither which
    /// properties need each other nor what a kernel can do.)
    @Test func whatTheSchemaRefusesIsRefused() throws {
      try withBundle { bundle throws in
        bundle.config["linux"]["resources"] = ["memory": ["limit": 100_000_000], "pids": ["limit": 10]]
        bundle.config["linux"]["maskedPaths"] = ["/proc/kcore"]
        bundle.config["linux"]["devices"] = [["type": "c", "path": "/dev/x", "major": 1, "minor": 3]]
        bundle.config["process"]["rlimits"] = [["type": "RLIMIT_CORE", "soft": 0, "hard": 0]]
        bundle.config["hooks"] = ["createRuntime": [["path": "/bin/true", "args": ["true"], "timeout": 5]]]
        bundle.config["annotations"] = ["a": "b"]
        let good = bundle.config
        var changed: [(path: String, document: JSON)] = []
        good.visit { path, value in
          // Every value in turn, as something it is not.
          for wrong in [JSON.string("not this"), .number(4.5), true, [[]], ["x": []]] where !wrong.isLike(value) {
            changed.append((path.joined(separator: "."), good.replacing(path[...], with: wrong)))
          }
        }
        #expect(changed.count > 150)
        let verdicts = try Validator.judge(
          [good.serialized] + changed.map(\.document.serialized), by: "config-schema.json")
        #expect(verdicts[0] == [])
        var refused = 0
        for (change, verdict) in zip(changed, verdicts.dropFirst()) where !verdict.isEmpty {
          refused += 1
          try Files.write(change.document.serialized, to: bundle.directory + "/config.json")
          let made = try bundle.apus("check", bundle.directory)
          #expect(
            made.status == 1 && made.output.contains("error: "),
            "\(change.path): \(verdict): \(change.document.serialized)")
        }
        #expect(refused > 100)
      }
    }
  }
}

extension JSON {
  /// Calls with the path of every value in it.
  fileprivate func visit(_ path: [String] = [], _ body: ([String], JSON) -> Void) {
    if !path.isEmpty { body(path, self) }
    if case .object(let members) = self {
      for (key, value) in members.sorted(by: { $0.key < $1.key }) { value.visit(path + [key], body) }
    }
    for (index, element) in elements.enumerated() { element.visit(path + [String(index)], body) }
  }

  fileprivate func replacing(_ path: ArraySlice<String>, with value: JSON) -> JSON {
    guard let first = path.first else { return value }
    var copy = self
    if case .array = self, let index = Int(first) {
      copy[index] = self[index].replacing(path.dropFirst(), with: value)
    } else {
      copy[first] = self[first].replacing(path.dropFirst(), with: value)
    }
    return copy
  }

  /// Whether both are strings, numbers and so on.
  fileprivate func isLike(_ other: JSON) -> Bool {
    switch (self, other) {
    case (.string, .string), (.number, .number), (.bool, .bool), (.array, .array), (.object, .object), (.null, .null):
      return true
    default: return false
    }
  }
}

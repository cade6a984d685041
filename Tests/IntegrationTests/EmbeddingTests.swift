import Testing

extension Integration {
  /// The library in another program: Tests/Embedding.
  @Suite struct Embedding {
    private func embed(_ bundle: Bundle) throws -> Outcome {
      try bundle.writeConfig()
      return try Command([Machine.embedding, bundle.states, bundle.directory, bundle.id]).finish()
    }

    @Test func aProgramMakesWatchesAndRemovesAContainer() throws {
      try withBundle { bundle throws in
        bundle.arguments = ["sleep", "1000"]
        let outcome = try embed(bundle)
        #expect(outcome.output == "created\n\(bundle.id) running\n137\n")
        #expect(outcome.status == 0, "\(outcome)")
        bundle.expectNothingLeft()
      }
    }

    @Test func aFailureIsAValueThatNamesTheProblem() throws {
      try withBundle { bundle throws in
        bundle.config["process"]["cwd"] = "relative"
        let outcome = try embed(bundle)
        #expect(outcome.output.hasPrefix("config.json: process.cwd"), "\(outcome)")
        #expect(outcome.status == 1)
        bundle.expectNothingLeft()
      }
    }
  }
}

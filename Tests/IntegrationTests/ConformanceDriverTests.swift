import Foundation
import Testing

extension Integration {
  /// What conformance/spec/run says of runtimes that are none.
  @Suite struct ConformanceDriver {
    private func judge(_ script: String, _ ids: String..., limit: String = "20") throws -> Outcome {
      let runtime = Scratch.directory + "/" + Scratch.name("runtime")
      try Files.write("#!/bin/sh\n" + script + "\n", to: runtime)
      chmod(runtime, 0o755)
      return try Command(
        [Machine.repository + "/conformance/spec/run"] + ids,
        environment: ["PATH=\(Machine.path)", "RUNTIME=\(runtime)", "CONFORMANCE_LIMIT=\(limit)"],
        directory: Scratch.directory
      ).finish()
    }

    @Test func aRuntimeThatHangsIsReportedAndLeft() throws {
      let outcome = try judge("exec sleep 600", "runtime.state-*", limit: "0.5")
      #expect(outcome.status == 1)
      #expect(outcome.output.contains("not ok runtime.state-version: create does not end within 0.5 s"))
      #expect(outcome.output.contains("not asked any more"))
      #expect(outcome.output.hasSuffix("0 passed, 11 failed, 0 skipped\n"))
    }

    @Test func aRuntimeThatCrashesIsReported() throws {
      let outcome = try judge("kill -SEGV $$", "runtime.start-runs")
      #expect(outcome.status == 1)
      #expect(outcome.output.contains("not ok runtime.start-runs: create crashed by signal 11"))
    }

    @Test func aRuntimeThatSaysYesToEverythingFails() throws {
      let outcome = try judge("exit 0", "runtime.*-no-id", "runtime.start-runs")
      #expect(outcome.output.hasSuffix("0 passed, 6 failed, 0 skipped\n"))
    }

    @Test func aSentenceThatDoesNotExistIsAnError() throws {
      let outcome = try judge("exit 0", "runtime.no-such-sentence")
      #expect(outcome.status == 1)
      #expect(outcome.errors.contains("no sentence has the id runtime.no-such-sentence"))
    }
  }
}

import Foundation
import Testing

extension Integration {
  /// `make install`: the program, and what is made of its option tables.
  @Suite struct Install {
    private func sh(_ script: String, _ environment: String...) throws -> Outcome {
      try Command(
        ["/bin/bash", "-c", script], environment: ["PATH=\(Machine.path)"] + environment, directory: Machine.repository
      ).finish()
    }

    /// Installs into a directory of its own; returns the prefix.
    private func install() throws -> String {
      let directory = Scratch.directory + "/" + Scratch.name("install")
      let made = try sh(
        "make --no-print-directory install PROGRAM=\(Machine.runtime) BUILD=\(directory)/build DESTDIR=\(directory) PREFIX=/opt/x"
      )
      try #require(made.status == 0, "\(made.errors)")
      return directory + "/opt/x"
    }

    /// The commands and their long options, as help has them.
    private func options() throws -> [String: Set<String>] {
      var found: [String: Set<String>] = [:]
      for command in try words(Machine.runtime + " --help | sed -n '/^commands:/,/^$/s/^  \\([a-z]*\\) .*/\\1/p'") {
        found[command] = Set(
          try words(
            "\(Machine.runtime) \(command) --help | grep -oE '^  (-[A-Za-z], |    )--[a-z-]+' | grep -oE -e '--[a-z-]+'"
          ))
      }
      return found
    }

    private func words(_ script: String) throws -> [String] {
      try sh(script).output.split(whereSeparator: \.isWhitespace).map(String.init)
    }

    @Test func everythingIsWhereSystemsLookForIt() throws {
      let prefix = try install()
      #expect(try sh("\(prefix)/bin/apus --version").output.hasPrefix("apus version "))
      for path in [
        "share/man/man8/apus.8", "share/bash-completion/completions/apus", "share/zsh/site-functions/_apus",
        "share/fish/vendor_completions.d/apus.fish",
      ] {
        #expect(try sh("stat -c '%a %u' \(prefix)/\(path)").output == "644 0\n", "\(path)")
      }
    }

    @Test func everyFileNamesEveryOption() throws {
      let prefix = try install()
      let page = try Files.read(prefix + "/share/man/man8/apus.8").replacingOccurrences(of: "\\-", with: "-")
      let texts = try ["bash-completion/completions/apus", "zsh/site-functions/_apus"].map {
        try Files.read("\(prefix)/share/\($0)")
      }
      let fish = try Files.read(prefix + "/share/fish/vendor_completions.d/apus.fish")
      let commands = try options()
      #expect(commands.count >= 12)
      for (command, options) in commands {
        #expect(page.contains("apus \(command) "), "\(command)")
        for option in options {
          if option != "--help" {
            #expect(page.contains("\\fB" + option) || page.contains(", \\fB" + option), "\(option)")
          }
          for text in texts { #expect(text.contains(option), "\(command) \(option)") }
          #expect(fish.contains("from \(command)' -l \(option.dropFirst(2))"), "\(command) \(option)")
        }
      }
    }

    @Test(.enabled(if: Machine.has("groff"), "needs groff"))
    func theManualPageIsWellFormed() throws {
      let prefix = try install()
      let made = try sh("groff -man -ww -z -Tutf8 \(prefix)/share/man/man8/apus.8")
      #expect(made.errors == "")
      #expect(made.status == 0)
    }

    @Test(arguments: [
      ("apus kil", "kill"), ("apus kill --a", "--all"), ("apus list --format ", "table json"),
      ("apus --log-format j", "json"),
      ("apus --root STATES kill ", "ID"), ("apus create ", ""), ("apus help featu", "features"),
    ])
    func bashCompletes(line: String, expected: String) throws {
      try withBundle { bundle throws in
        bundle.arguments = ["sleep", "600"]
        try bundle.create()
        let prefix = try install()
        let typed = line.replacingOccurrences(of: "STATES", with: bundle.states)
        let script = """
          apus() { \(Machine.runtime) "$@"; }
          source \(prefix)/share/bash-completion/completions/apus
          line="\(typed)"; COMP_WORDS=($line); [ "${line% }" = "$line" ] || COMP_WORDS+=("")
          COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _apus; echo "${COMPREPLY[@]}"
          """
        let completed = try sh(script)
        #expect(completed.output == expected.replacingOccurrences(of: "ID", with: bundle.id) + "\n")
        #expect(completed.errors == "")
      }
    }

    @Test(arguments: [("zsh", "zsh/site-functions/_apus"), ("fish", "fish/vendor_completions.d/apus.fish")])
    func theOtherShellsReadTheirs(shell: String, path: String) throws {
      guard Machine.has(shell) else { try Test.cancel("needs \(shell)") }
      let read = try sh("\(shell) -n \(try install())/share/\(path)")
      #expect(read.errors == "")
      #expect(read.status == 0)
    }

    @Test func withoutAProgramThereIsOneError() throws {
      let made = try sh("make --no-print-directory install PROGRAM=/nowhere/apus DESTDIR=/nowhere")
      #expect(made.status != 0)
      #expect(made.errors.hasPrefix("install: no /nowhere/apus; run: make build\n"))
    }
  }
}

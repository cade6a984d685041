import Linux

CurrentProcess.exit(Program.run(Array(CommandLine.arguments.dropFirst())))

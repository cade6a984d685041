import CLinux

/// A piece of a command line.
public enum CommandLineItem: Equatable, Sendable {
  /// The option of that number, in the order of adding.
  case option(Int, argument: String?)
  case operand(String)
  /// What looks like an option, as it was written, and is none. There is no use in reading on.
  case unknown(String)
  /// The option of that number lacks its argument. There is no use in reading on.
  case missingArgument(Int)
}

/// Takes a command line apart, in its order. See getopt_long(3), which there is one of: one reader at a time. Names may not be
/// abbreviated; they may have one dash, like those of programs in Go.
public struct CommandLineReader {
  private let arguments: [String]

  /// - Parameter arguments: without the program's name.
  public init(_ arguments: [String]) {
    self.arguments = arguments
    clx_getopt_start(Int32(clamping: arguments.count))
    for argument in arguments { unsafe clx_getopt_word(argument) }
  }

  /// Makes an option known.
  ///
  /// - Parameters:
  ///   - name: without the dashes.
  ///   - letter: the short form, without the dash; `nil`: there is none.
  ///   - needsArgument: one that does not takes one as `--name=argument` nevertheless.
  public func add(_ name: StaticString, letter: UInt8?, needsArgument: Bool) {
    let text = unsafe UnsafeRawPointer(name.utf8Start).assumingMemoryBound(to: CChar.self)
    unsafe clx_getopt_option(text, Int32(letter ?? 0), needsArgument ? 1 : 0)
  }

  /// The next item; `nil` at the end, which a `--` brings about.
  public func next() -> CommandLineItem? {
    let position = Int(clx_getopt_position())
    var number: Int32 = 0
    switch unsafe UInt32(bitPattern: clx_getopt_next(&number)) {
    case CLX_GETOPT_OPTION.rawValue:
      return .option(Int(number), argument: unsafe clx_getopt_argument().map { unsafe String(cString: $0) })
    case CLX_GETOPT_OPERAND.rawValue: return .operand(arguments[position])
    case CLX_GETOPT_MISSING.rawValue: return .missingArgument(Int(number))
    case CLX_GETOPT_UNKNOWN.rawValue:
      if number > 0 { return .unknown("-" + String(UnicodeScalar(UInt8(number)))) }
      return .unknown(String(arguments[position].prefix { $0 != "=" }))
    default: return nil
    }
  }

  /// What was not read.
  public var rest: [String] { Array(arguments[Int(clx_getopt_position())...]) }
}

extension CurrentProcess {
  /// The words of the command line after the program's name.
  public static var arguments: [String] {
    var arguments: [String] = []
    let count = clx_argc()
    if count < 2 { return arguments }
    arguments.reserveCapacity(Int(count) - 1)
    for index in 1..<count {
      if let word = unsafe clx_argv(index) { arguments.append(unsafe String(cString: word)) }
    }
    return arguments
  }
}

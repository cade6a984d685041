import CLinux

/// How an option is written, for ``readArguments(_:_:operandLimit:)``.
public struct OptionName: Sendable {
  /// Without the dashes.
  public let name: StaticString
  /// The short form, without the dash; `nil`: there is none.
  public let letter: UInt8?
  /// Whether it needs an argument. One that does not takes one as `--name=argument` nevertheless.
  public let needsArgument: Bool

  public init(_ name: StaticString, letter: UInt8?, needsArgument: Bool) {
    self.name = name
    self.letter = letter
    self.needsArgument = needsArgument
  }
}

/// A piece of a command line.
public enum CommandLineItem: Equatable, Sendable {
  /// The option of that position in the table.
  case option(Int, argument: String?)
  case operand(String)
  /// What looks like an option, as it was written, and is none. The last item.
  case unknown(String)
  /// The option of that position lacks its argument. The last item.
  case missingArgument(Int)
}

/// Takes a command line apart, in its order. See getopt_long(3); names may not be abbreviated.
///
/// - Parameters:
///   - arguments: without the program's name.
///   - operandLimit: after so many operands everything that follows is an operand.
public func readArguments(_ arguments: [String], _ names: [OptionName], operandLimit: Int) -> [CommandLineItem] {
  var items: [CommandLineItem] = []
  items.reserveCapacity(arguments.count)
  // getopt skips the program's name.
  unsafe withCStrings([""] + arguments) { argv in
    var reader = unsafe Getopt(argv, count: arguments.count + 1, names)
    var operands = 0
    while operands < operandLimit, let item = unsafe reader.next(arguments) {
      items.append(item)
      switch item {
      case .option: continue
      case .operand: operands += 1
      case .unknown, .missingArgument: return
      }
    }
    items += arguments[(Getopt.position - 1)...].map { .operand($0) }
  }
  return items
}

/// The loop over getopt_long(3). There is one at a time: the library keeps its state in global variables.
private struct Getopt {
  private let argv: UnsafePointer<UnsafeMutablePointer<CChar>?>
  private let count: Int32
  private let names: [OptionName]
  private let letters: [CChar]
  private let table: [option]

  init(_ argv: UnsafePointer<UnsafeMutablePointer<CChar>?>, count: Int, _ names: [OptionName]) {
    unsafe self.argv = unsafe argv
    self.count = Int32(clamping: count)
    self.names = names
    // `-`: operands are reported where they stand, and nothing is moved; `:`: a missing argument is told apart.
    var letters: [UInt8] = [UInt8(ascii: "-"), UInt8(ascii: ":")]
    var table: [option] = unsafe []
    unsafe table.reserveCapacity(names.count + 1)
    for (index, name) in names.enumerated() {
      if let letter = name.letter {
        letters.append(letter)
        if name.needsArgument { letters.append(UInt8(ascii: ":")) }
      }
      let text = unsafe UnsafeRawPointer(name.name.utf8Start).assumingMemoryBound(to: CChar.self)
      // `optional_argument` for flags: `--all=false`.
      let kind = name.needsArgument ? required_argument : optional_argument
      unsafe table.append(option(name: text, has_arg: kind, flag: nil, val: Getopt.firstLong + Int32(index)))
    }
    unsafe table.append(option())
    self.letters = letters.map { CChar(bitPattern: $0) } + [0]
    unsafe self.table = unsafe table
    clx_getopt_start()
  }

  /// Values of long options start behind those of letters.
  private static let firstLong: Int32 = 256

  /// The index, in the arguments after the name of the program, of the first one that was not read; counts from 1.
  static var position: Int { Int(clx_getopt_position()) }

  /// The next item; `nil` at the end, which a `--` brings about.
  mutating func next(_ arguments: [String]) -> CommandLineItem? {
    let start = Getopt.position
    var index: Int32 = -1
    let result = unsafe table.withUnsafeBufferPointer { table in
      unsafe letters.withUnsafeBufferPointer { letters in
        unsafe clx_getopt(count, argv, letters.baseAddress, table.baseAddress, &index)
      }
    }
    if result == -1 { return nil }
    if result == 1 { return .operand(arguments[start - 1]) }
    let argument = unsafe clx_getopt_argument().map { unsafe String(cString: $0) }
    if result >= Getopt.firstLong {
      let option = Int(result - Getopt.firstLong)
      return isWhole(arguments[start - 1], option) ? .option(option, argument: argument) : .unknown(arguments[start - 1])
    }
    return short(result, written: arguments[start - 1], argument)
  }

  private func short(_ result: Int32, written: String, _ argument: String?) -> CommandLineItem {
    if result != Int32(UInt8(ascii: "?")) && result != Int32(UInt8(ascii: ":")) {
      return position(of: UInt8(truncatingIfNeeded: result)).map { .option($0, argument: argument) } ?? .unknown(written)
    }
    let offender = clx_getopt_offender()
    if offender >= Getopt.firstLong {
      let option = Int(offender - Getopt.firstLong)
      return isWhole(written, option) ? .missingArgument(option) : .unknown(written)
    }
    // A letter, or (0) a word that is no name or the start of several.
    if offender == 0 { return .unknown(String(written.prefix { $0 != "=" })) }
    let letter = UInt8(truncatingIfNeeded: offender)
    if result == Int32(UInt8(ascii: ":")), let option = position(of: letter) { return .missingArgument(option) }
    return .unknown(letter < 0x80 ? "-" + String(decoding: [letter], as: UTF8.self) : written)
  }

  private func position(of letter: UInt8) -> Int? { names.firstIndex { $0.letter == letter } }

  /// Whether the option was written with its whole name: getopt_long(3) takes the start of a name for the name, so that a
  /// new option could change the meaning of an old script.
  private func isWhole(_ written: String, _ option: Int) -> Bool {
    written.utf8.dropFirst(2).prefix { $0 != UInt8(ascii: "=") }.count == names[option].name.utf8CodeUnitCount
  }
}

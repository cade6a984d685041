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
  let letters = shortOptions(names)
  let table = unsafe longOptions(names)
  clx_getopt_start()
  // getopt skips the program's name.
  unsafe withCStrings([""] + arguments) { argv in
    var operands = 0
    while operands < operandLimit {
      let written = Int(clx_getopt_position()) - 1
      let result = unsafe step(argv, arguments.count + 1, letters, table)
      // -1: the end, which a `--` brings about.
      if result == -1 { break }
      let item = item(result, written: arguments[written], names)
      items.append(item)
      switch item {
      case .option: continue
      case .operand: operands += 1
      case .unknown, .missingArgument: return
      }
    }
    items += arguments[(Int(clx_getopt_position()) - 1)...].map { .operand($0) }
  }
  return items
}

/// Values of long options start behind those of letters.
private let firstLong: Int32 = 256

/// `-:ab:`
private func shortOptions(_ names: [OptionName]) -> [CChar] {
  // `-`: operands are reported where they stand, and nothing is moved; `:`: a missing argument is told apart.
  var letters: [CChar] = [CChar(UInt8(ascii: "-")), CChar(UInt8(ascii: ":"))]
  for name in names {
    guard let letter = name.letter else { continue }
    letters.append(CChar(bitPattern: letter))
    if name.needsArgument { letters.append(CChar(UInt8(ascii: ":"))) }
  }
  return letters + [0]
}

private func longOptions(_ names: [OptionName]) -> [option] {
  var table: [option] = unsafe []
  unsafe table.reserveCapacity(names.count + 1)
  for (index, name) in names.enumerated() {
    let text = unsafe UnsafeRawPointer(name.name.utf8Start).assumingMemoryBound(to: CChar.self)
    // `optional_argument` for flags: `--all=false`.
    let kind = name.needsArgument ? required_argument : optional_argument
    unsafe table.append(option(name: text, has_arg: kind, flag: nil, val: firstLong + Int32(index)))
  }
  unsafe table.append(option())
  return unsafe table
}

private func step(
  _ argv: UnsafePointer<UnsafeMutablePointer<CChar>?>, _ count: Int, _ letters: [CChar], _ table: [option]
) -> Int32 {
  unsafe table.withUnsafeBufferPointer { table in
    unsafe letters.withUnsafeBufferPointer { letters in
      unsafe clx_getopt(Int32(clamping: count), argv, letters.baseAddress, table.baseAddress)
    }
  }
}

/// What an answer of getopt_long(3) to the given argument means.
private func item(_ result: Int32, written: String, _ names: [OptionName]) -> CommandLineItem {
  if result == 1 { return .operand(written) }
  let isMissing = result == Int32(UInt8(ascii: ":"))
  let isError = isMissing || result == Int32(UInt8(ascii: "?"))
  let value = isError ? clx_getopt_offender() : result
  // 0: a word that is no name, or the start of several.
  if value == 0 { return .unknown(name(in: written)) }
  let found: Int?
  if value >= firstLong {
    let option = Int(value - firstLong)
    // getopt_long(3) takes the start of a name for the name: a new option could change the meaning of an old script.
    if name(in: written).utf8.count != names[option].name.utf8CodeUnitCount + 2 { return .unknown(name(in: written)) }
    found = option
  } else {
    found = names.firstIndex { $0.letter == UInt8(truncatingIfNeeded: value) }
  }
  guard let found, isMissing || !isError else {
    return .unknown(value > 0 && value < 0x80 ? "-" + String(UnicodeScalar(UInt8(value))) : written)
  }
  if isMissing { return .missingArgument(found) }
  return .option(found, argument: unsafe clx_getopt_argument().map { unsafe String(cString: $0) })
}

/// `--name` of `--name=argument`.
private func name(in written: String) -> String { String(written.prefix { $0 != "=" }) }

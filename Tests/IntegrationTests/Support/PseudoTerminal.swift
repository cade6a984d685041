import CTestSupport
import Foundation

/// A terminal as a person sits at: the program under test gets `slave`, the test reads and types at `master`.
final class PseudoTerminal {
  let master: Int32
  let slave: Int32
  private var bytes: [UInt8] = []

  /// Everything the terminal has shown, with its line ends made plain.
  var seen: String { String(decoding: bytes, as: UTF8.self) }

  init() throws {
    var ends: (master: Int32, slave: Int32) = (-1, -1)
    guard ct_open_terminal(&ends.master, &ends.slave) == 0 else { throw TestError.system("posix_openpt") }
    (master, slave) = ends
    _ = fcntl(master, F_SETFL, O_NONBLOCK)
  }

  /// The other end of a terminal somebody else has made.
  init(master: Int32) {
    self.master = master
    slave = -1
    _ = fcntl(master, F_SETFL, O_NONBLOCK)
  }

  deinit {
    close(master)
    if slave >= 0 { close(slave) }
  }

  func resize(rows: UInt16, columns: UInt16) {
    var size = winsize(ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
    _ = ioctl(master, UInt(TIOCSWINSZ), &size)
  }

  func type(_ text: String) throws { try Files.write(Array(text.utf8), to: master) }

  /// Reads until the text has appeared.
  func shows(_ text: String) -> Bool {
    waitUntil {
      var part = [UInt8](repeating: 0, count: 4096)
      let count = read(master, &part, part.count)
      if count > 0 { bytes += part.prefix(count).filter { $0 != 13 } }
      return String(decoding: bytes.suffix(2 * part.count), as: UTF8.self).contains(text)
    }
  }

  /// The modes of the terminal, to see whether they were restored.
  var modes: [UInt32] {
    var modes = termios()
    tcgetattr(slave, &modes)
    return [modes.c_iflag, modes.c_oflag, modes.c_cflag, modes.c_lflag]
  }
}

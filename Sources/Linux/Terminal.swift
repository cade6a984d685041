import CLinux

/// A pseudo-terminal (pty(7)): the master is the side of the one who watches.
public struct PseudoTerminal: ~Copyable {
  public let master: Descriptor

  /// Makes a new pair on the devpts instance whose `ptmx` the descriptor holds.
  public init(ptmx: consuming Descriptor) throws(SystemError) {
    try check("ioctl", on: "TIOCSPTLCK", clx_pty_unlock(ptmx.number))
    master = ptmx
  }

  /// Opens the other end without a path (TIOCGPTPEER, Linux 4.13): nobody can have put another file there.
  public func openPeer() throws(SystemError) -> Descriptor {
    Descriptor(
      taking: try check("ioctl", on: "TIOCGPTPEER", clx_pty_peer(master.number, O_RDWR | O_NOCTTY | O_CLOEXEC)))
  }

  /// The number in the name `/dev/pts/N`.
  public func index() throws(SystemError) -> Int32 { try check("ioctl", on: "TIOCGPTN", clx_pty_number(master.number)) }
}

/// What can be said to a terminal.
public enum Terminal {
  public static func isTerminal(_ descriptor: Int32) -> Bool { clx_isatty(descriptor) != 0 }

  /// Sets the size in characters. See ioctl_tty(2), TIOCSWINSZ.
  public static func setSize(_ terminal: borrowing Descriptor, rows: UInt16, columns: UInt16) throws(SystemError) {
    try check("ioctl", on: "TIOCSWINSZ", clx_set_window_size(terminal.number, rows, columns))
  }

  /// Gives `terminal` the size that `other` has.
  public static func copySize(from other: Int32, to terminal: borrowing Descriptor) throws(SystemError) {
    try check("ioctl", on: "TIOCSWINSZ", clx_copy_window_size(other, terminal.number))
  }

  /// Makes the terminal the controlling one of the session this process leads.
  public static func makeControlling(_ terminal: borrowing Descriptor) throws(SystemError) {
    try check("ioctl", on: "TIOCSCTTY", clx_set_controlling_terminal(terminal.number))
  }
}

/// A terminal in raw mode; put back as it was when the owner lets go. See termios(3).
public struct RawMode: ~Copyable {
  let terminal: Int32
  let before: termios

  /// Puts the terminal into raw mode.
  public static func enter(_ terminal: Int32) throws(SystemError) -> RawMode {
    var settings = termios()
    try check("tcgetattr", unsafe clx_terminal_get(terminal, &settings))
    let mode = RawMode(terminal: terminal, before: settings)
    unsafe cfmakeraw(&settings)
    try check("tcsetattr", unsafe clx_terminal_set(terminal, &settings))
    return mode
  }

  private init(terminal: Int32, before: termios) {
    self.terminal = terminal
    self.before = before
  }

  deinit {
    var settings = before
    _ = unsafe clx_terminal_set(terminal, &settings)
  }
}

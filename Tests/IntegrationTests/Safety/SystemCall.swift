import CTestSupport
import Foundation

/// One system call of a command, or of a process the command has made.
struct SystemCall: CustomStringConvertible {
  /// 0: the command.
  var process: Int
  var number: Int
  /// Which one of this process's calls of that number.
  var nth: Int
  /// The open file and the path it is about, as far as that shows.
  var what: String

  init?(record line: Substring) {
    let words = line.split(separator: " ", maxSplits: 3).map(String.init)
    guard words.count >= 3, let process = Int(words[0]), let number = Int(words[1]), let nth = Int(words[2]) else {
      return nil
    }
    (self.process, self.number, self.nth) = (process, number, nth)
    what = words.count > 3 ? words[3] : ""
  }

  var name: String { SystemCall.names[number]?.name ?? "call \(number)" }
  var description: String { "\(process == 0 ? "the command" : "process \(process)"): \(name) #\(nth) \(what)" }

  /// What the message of its failure may call it.
  var words: [String] { SystemCall.names[number].map { [$0.name] + $0.others } ?? [] }

  /// Calls that differ in nothing but the number or the hierarchy: one of them stands for all.
  var kind: [String] {
    let place = what.replacing(#//sys/fs/cgroup/[^/ ]+/[^ ]*/([^/ ]*)/#) { "/sys/fs/cgroup/*/\($0.1)" }
    return ["\(process)", name] + place.replacing(/[0-9]+/, with: "0").split(separator: " ").prefix(2).map(String.init)
  }

  /// Calls that do not fail, or whose failure nobody is told: memory, signals, what a process asks about itself, and the
  /// closing of files that were only read or have been written with success.
  var isSilent: Bool { SystemCall.silent.contains(number) || process == 0 && number == Int(SYS_execve) }

  private static let silent: Set<Int> = Set(
    [
      SYS_mmap, SYS_munmap, SYS_mprotect, SYS_brk, SYS_madvise, SYS_mremap, SYS_rt_sigaction, SYS_rt_sigprocmask,
      SYS_rt_sigreturn, SYS_futex, SYS_exit, SYS_exit_group, SYS_close, SYS_umask, SYS_getpid, SYS_gettid, SYS_geteuid,
      SYS_getuid, SYS_getegid, SYS_getgid, SYS_clock_gettime, SYS_restart_syscall, SYS_sched_yield, SYS_getrandom,
      SYS_prlimit64, SYS_wait4,
    ].map { Int($0) })

  private static let names: [Int: (name: String, others: [String])] = [
    Int(SYS_openat): ("open", ["write"]), Int(SYS_read): ("read", []), Int(SYS_write): ("write", []),
    Int(SYS_newfstatat): ("fstatat", ["exec"]), Int(SYS_mkdirat): ("mkdir", []), Int(SYS_renameat): ("rename", []),
    Int(SYS_renameat2): ("renameat2", []),
    Int(SYS_unlinkat): ("unlink", ["rmdir"]), Int(SYS_readlinkat): ("readlink", []), Int(SYS_flock): ("flock", []),
    Int(SYS_getdents64): ("getdents64", []), Int(SYS_faccessat2): ("faccessat2", ["exec"]),
    Int(SYS_lseek): ("lseek", []),
    Int(SYS_socket): ("socket", []), Int(SYS_bind): ("bind", []), Int(SYS_listen): ("listen", []),
    Int(SYS_connect): ("connect", []), Int(SYS_accept4): ("accept", []), Int(SYS_socketpair): ("socketpair", []),
    Int(SYS_sendmsg): ("sendmsg", []), Int(SYS_recvmsg): ("recvmsg", []), Int(SYS_clone3): ("clone3", []),
    Int(SYS_poll): ("poll", []), Int(SYS_prctl): ("prctl", []), Int(SYS_close_range): ("close_range", []),
    Int(SYS_unshare): ("unshare", []), Int(SYS_setns): ("setns", []), Int(SYS_ioctl): ("ioctl", []),
    Int(SYS_setsid): ("setsid", []), Int(SYS_keyctl): ("keyctl", []), Int(SYS_fcntl): ("fcntl", []),
    Int(SYS_dup3): ("dup3", []), Int(SYS_pipe2): ("pipe2", []), Int(SYS_memfd_create): ("memfd_create", []),
    Int(SYS_openat2): ("openat2", []), Int(SYS_open_tree): ("open_tree", []), Int(SYS_move_mount): ("move_mount", []),
    Int(SYS_mount_setattr): ("mount_setattr", []), Int(SYS_fsopen): ("fsopen", []), Int(SYS_fsconfig): ("fsconfig", []),
    Int(SYS_fsmount): ("fsmount", []), Int(SYS_mknodat): ("mknodat", []), Int(SYS_symlinkat): ("symlinkat", []),
    Int(SYS_fchownat): ("fchownat", []), Int(SYS_fstatfs): ("fstatfs", []), Int(SYS_fchdir): ("fchdir", []),
    Int(SYS_chdir): ("chdir", []), Int(SYS_getcwd): ("getcwd", []), Int(SYS_pivot_root): ("pivot_root", []),
    Int(SYS_umount2): ("umount2", []), Int(SYS_sethostname): ("sethostname", []), Int(SYS_seccomp): ("seccomp", []),
    Int(SYS_setdomainname): ("setdomainname", []), Int(SYS_setrlimit): ("setrlimit", []),
    Int(SYS_setgroups): ("setgroups", []), Int(SYS_getgroups): ("getgroups", []), Int(SYS_setresuid): ("setresuid", []),
    Int(SYS_setresgid): ("setresgid", []), Int(SYS_capget): ("capget", []), Int(SYS_capset): ("capset", []),
    Int(SYS_execve): ("exec", []), Int(SYS_pidfd_open): ("pidfd_open", []),
    Int(SYS_pidfd_send_signal): ("pidfd_send_signal", []), Int(SYS_kill): ("kill", []),
  ]
}

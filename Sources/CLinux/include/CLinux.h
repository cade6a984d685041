// What Swift cannot call by itself: variadic functions, macros, and system calls newer than the C library.
//
// Every wrapper answers like the kernel: a result, or the negated errno. Nothing here keeps state.
#pragma once

// No _GNU_SOURCE: glibc's types must look the same here as in the modules that Swift makes of its headers, or clang refuses
// to load both. What glibc hides without it is called by number.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <net/if.h>
#include <linux/keyctl.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

static inline long clx_result(long r) { return r < 0 ? -errno : r; }
#define CLX_INT(call) ((int)clx_result(call))

// ---- constants that Swift cannot import, or that the headers do not have yet ----

enum {
  CLX_AT_FDCWD = -100,
  CLX_AT_EMPTY_PATH = 0x1000,
  CLX_AT_RECURSIVE = 0x8000,
  CLX_AT_SYMLINK_NOFOLLOW = 0x100,
  CLX_AT_REMOVEDIR = 0x200,
};
// clone(2), namespaces(7); CLONE_INTO_CGROUP needs 64 bits.
static const uint64_t CLX_CLONE_INTO_CGROUP = 0x200000000ULL;

// linux/magic.h, for statfs(2).
static const long CLX_PROC_SUPER_MAGIC = 0x9fa0;
static const long CLX_CGROUP_SUPER_MAGIC = 0x27e0eb;
static const long CLX_CGROUP2_SUPER_MAGIC = 0x63677270;
static const long CLX_TMPFS_MAGIC = 0x01021994;
static const long CLX_OVERLAYFS_MAGIC = 0x794c7630;

// ---- descriptors and files ----

static inline int clx_close(int fd) { return CLX_INT(close(fd)); }
static inline int clx_close_range(unsigned first, unsigned last, unsigned flags) {
  return CLX_INT(syscall(SYS_close_range, first, last, flags));
}
static inline int clx_openat(int dir, const char *path, int flags, unsigned mode) {
  return CLX_INT(openat(dir, path, flags, mode));
}
static inline int clx_openat2(int dir, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve) {
  struct open_how how = {.flags = flags, .mode = mode, .resolve = resolve};
  return CLX_INT(syscall(SYS_openat2, dir, path, &how, sizeof how));
}
static inline long clx_read(int fd, void *buffer, size_t size) { return clx_result(read(fd, buffer, size)); }
static inline long clx_write(int fd, const void *buffer, size_t size) { return clx_result(write(fd, buffer, size)); }
static inline int clx_pipe(int ends[2]) { return CLX_INT(syscall(SYS_pipe2, ends, O_CLOEXEC)); }
static inline int clx_dup3(int from, int to, int flags) { return CLX_INT(syscall(SYS_dup3, from, to, flags)); }
static inline int clx_dup_cloexec(int fd, int lowest) { return CLX_INT(syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, lowest)); }
static inline int clx_set_cloexec(int fd, int on) { return CLX_INT(syscall(SYS_fcntl, fd, F_SETFD, on ? FD_CLOEXEC : 0)); }
static inline int clx_get_descriptor_flags(int fd) { return CLX_INT(syscall(SYS_fcntl, fd, F_GETFD)); }
static inline int clx_mkdirat(int dir, const char *path, unsigned mode) { return CLX_INT(mkdirat(dir, path, mode)); }
static inline int clx_mknodat(int dir, const char *path, unsigned mode, uint64_t dev) {
  return CLX_INT(mknodat(dir, path, mode, dev));
}
static inline int clx_symlinkat(const char *target, int dir, const char *path) {
  return CLX_INT(symlinkat(target, dir, path));
}
static inline int clx_unlinkat(int dir, const char *path, int flags) { return CLX_INT(unlinkat(dir, path, flags)); }
// renameat2(2) with RENAME_EXCHANGE, Linux 3.15.
static inline int clx_exchange(int directory, const char *a, const char *b) {
  return CLX_INT(syscall(SYS_renameat2, directory, a, directory, b, 2));
}

static inline int clx_renameat(int from, const char *a, int to, const char *b) {
  return CLX_INT(renameat(from, a, to, b));
}
static inline int clx_fchownat(int dir, const char *path, unsigned uid, unsigned gid, int flags) {
  return CLX_INT(fchownat(dir, path, uid, gid, flags));
}
static inline int clx_fchmodat(int dir, const char *path, unsigned mode) {
  return CLX_INT(fchmodat(dir, path, mode, 0));
}
static inline long clx_readlinkat(int dir, const char *path, char *buffer, size_t size) {
  return clx_result(readlinkat(dir, path, buffer, size));
}
static inline int clx_faccessat(int dir, const char *path, int mode, int flags) {
  return CLX_INT(syscall(SYS_faccessat2, dir, path, mode, flags));
}
static inline int clx_fchdir(int fd) { return CLX_INT(fchdir(fd)); }
static inline int clx_chdir(const char *path) { return CLX_INT(chdir(path)); }
static inline int clx_chroot(const char *path) { return CLX_INT(chroot(path)); }
static inline long clx_getcwd(char *buffer, size_t size) { return clx_result(syscall(SYS_getcwd, buffer, size)); }
static inline int clx_rewind(int fd) { return CLX_INT(lseek(fd, 0, SEEK_SET)); }
static inline int clx_flock(int fd, int operation) { return CLX_INT(flock(fd, operation)); }
static inline long clx_getdents(int fd, void *buffer, size_t size) {
  return clx_result(syscall(SYS_getdents64, fd, buffer, size));
}
static inline int clx_eventfd(void) { return CLX_INT(syscall(SYS_eventfd2, 0, O_CLOEXEC | O_NONBLOCK)); }
static inline int clx_memfd_create(const char *name, unsigned flags) {
  return CLX_INT(syscall(SYS_memfd_create, name, flags));
}
static inline int clx_add_seals(int fd, int seals) { return CLX_INT(syscall(SYS_fcntl, fd, 1033 /* F_ADD_SEALS */, seals)); }
static inline int clx_get_seals(int fd) { return CLX_INT(syscall(SYS_fcntl, fd, 1034 /* F_GET_SEALS */)); }

// The fields of stat(2) that a runtime looks at.
struct clx_stat {
  uint32_t mode, uid, gid, links;
  uint64_t device, inode, special, size;
};
static inline int clx_fstatat(int dir, const char *path, struct clx_stat *out, int flags) {
  struct stat s;
  int r = CLX_INT(syscall(SYS_newfstatat, dir, path, &s, flags));
  if (r == 0)
    *out = (struct clx_stat){s.st_mode, s.st_uid, s.st_gid, s.st_nlink, s.st_dev, s.st_ino, s.st_rdev, s.st_size};
  return r;
}
static inline long clx_fstatfs_type(int fd) {
  struct statfs s;
  long r = clx_result(fstatfs(fd, &s));
  return r < 0 ? r : (long)s.f_type;
}
static inline long clx_fstatfs_flags(int fd) {
  struct statfs s;
  long r = clx_result(fstatfs(fd, &s));
  return r < 0 ? r : (long)s.f_flags;
}
// Where the next line starts; -1: `text` has no line feed. memchr(3) looks at eight bytes at a time.
static inline long clx_next_line(const uint8_t *text, size_t count) {
  const uint8_t *end = count == 0 ? NULL : (const uint8_t *)memchr(text, '\n', count);
  return end == NULL ? -1 : end - text + 1;
}
static inline uint64_t clx_makedev(unsigned major, unsigned minor) { return makedev(major, minor); }

// ---- mounts ----

static inline int clx_open_tree(int dir, const char *path, unsigned flags) {
  return CLX_INT(syscall(SYS_open_tree, dir, path, flags));
}
static inline int clx_move_mount(int from, int to) {
  return CLX_INT(syscall(SYS_move_mount, from, "", to, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH));
}
static inline int clx_fsopen(const char *type) { return CLX_INT(syscall(SYS_fsopen, type, FSOPEN_CLOEXEC)); }
static inline int clx_fspick(int dir) {
  return CLX_INT(syscall(SYS_fspick, dir, "", FSPICK_CLOEXEC | FSPICK_EMPTY_PATH | FSPICK_NO_AUTOMOUNT));
}
static inline int clx_fsconfig(int fs, unsigned command, const char *key, const void *value, int aux) {
  return CLX_INT(syscall(SYS_fsconfig, fs, command, key, value, aux));
}
static inline int clx_fsmount(int fs, unsigned attributes) {
  return CLX_INT(syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, attributes));
}
static inline int clx_mount_setattr(int fd, const char *path, unsigned flags, uint64_t set, uint64_t clear,
                                    uint64_t propagation, int userns) {
  struct mount_attr a = {.attr_set = set, .attr_clr = clear, .propagation = propagation, .userns_fd = (uint64_t)userns};
  return CLX_INT(syscall(SYS_mount_setattr, fd, path, flags, &a, sizeof a));
}
static inline int clx_mount(const char *source, const char *target, const char *type, unsigned long flags,
                            const char *data) {
  return CLX_INT(syscall(SYS_mount, source, target, type, flags, data));
}
static inline int clx_umount2(const char *target, int flags) { return CLX_INT(syscall(SYS_umount2, target, flags)); }
static inline int clx_pivot_root(const char *a, const char *b) { return CLX_INT(syscall(SYS_pivot_root, a, b)); }

// ---- processes and namespaces ----

static inline long clx_clone3(uint64_t flags, int exit_signal, int cgroup) {
  struct {
    uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup;
  } a = {.flags = flags, .exit_signal = (uint64_t)exit_signal, .cgroup = (uint64_t)(unsigned)cgroup};
  if (!(flags & CLX_CLONE_INTO_CGROUP)) a.cgroup = 0;
  return clx_result(syscall(SYS_clone3, &a, sizeof a));
}
static inline int clx_setns(int fd, int flags) { return CLX_INT(syscall(SYS_setns, fd, flags)); }
static inline int clx_unshare(int flags) { return CLX_INT(syscall(SYS_unshare, flags)); }
static inline int clx_pidfd_open(int pid) { return CLX_INT(syscall(SYS_pidfd_open, pid, 0)); }
static inline int clx_pidfd_send_signal(int fd, int signal) {
  return CLX_INT(syscall(SYS_pidfd_send_signal, fd, signal, NULL, 0));
}
// PIDFD_GET_INFO with PIDFD_INFO_EXIT (linux/pidfd.h, Linux 6.15): the status of a reaped process, as wait(2) has it.
static inline int clx_pidfd_exit_status(int fd, int *status) {
  struct {
    uint64_t mask, cgroup;
    uint32_t ids[11];
    int32_t exit_code;
  } info = {.mask = 8};
  int r = CLX_INT(ioctl(fd, _IOC(_IOC_READ | _IOC_WRITE, 0xff, 11, sizeof info), &info));
  if (r < 0) return r;
  if (!(info.mask & 8)) return -EAGAIN;
  *status = info.exit_code;
  return 0;
}
static inline int clx_kill(int pid, int signal) { return CLX_INT(kill(pid, signal)); }
static inline int clx_getpid(void) { return (int)syscall(SYS_getpid); }
static inline int clx_setsid(void) { return CLX_INT(setsid()); }
static inline int clx_prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d) {
  return CLX_INT(syscall(SYS_prctl, option, a, b, c, d));
}
static inline int clx_execve(const char *path, char *const *argv, char *const *envp) {
  return CLX_INT(syscall(SYS_execve, path, argv, envp));
}
// A seccomp filter may refuse even this call; a fault ends the process without one (SIGSEGV).
static inline _Noreturn void clx_exit(int status) {
  for (;;) {
    syscall(SYS_exit_group, status);
    *(volatile char *)0 = 0;
  }
}
// waitpid(2): the pid, 0 with WNOHANG, or the negated errno.
static inline int clx_waitpid(int pid, int *status, int options) { return CLX_INT(waitpid(pid, status, options)); }
static inline int clx_status_code(int status) { return WEXITSTATUS(status); }
static inline int clx_status_signaled(int status) { return WIFSIGNALED(status); }
static inline int clx_status_signal(int status) { return WTERMSIG(status); }
static inline int clx_sethostname(const char *name, size_t length) { return CLX_INT(sethostname(name, length)); }
static inline int clx_setdomainname(const char *name, size_t length) { return CLX_INT(setdomainname(name, length)); }
static inline unsigned clx_umask(unsigned mask) { return umask(mask); }
static inline int clx_prlimit(int resource, uint64_t soft, uint64_t hard) {
  uint64_t limit[2] = {soft, hard};  // struct rlimit64
  return CLX_INT(syscall(SYS_prlimit64, 0, resource, limit, NULL));
}

static inline int clx_prlimit_get(int resource, uint64_t *soft, uint64_t *hard) {
  uint64_t limit[2] = {0, 0};
  int result = CLX_INT(syscall(SYS_prlimit64, 0, resource, NULL, limit));
  *soft = limit[0];
  *hard = limit[1];
  return result;
}
static inline int clx_personality(unsigned long persona) { return CLX_INT(syscall(SYS_personality, persona)); }
static inline int clx_ioprio_set(int which, int who, int priority) {
  return CLX_INT(syscall(SYS_ioprio_set, which, who, priority));
}
struct clx_sched_attr {
  uint32_t size, policy;
  uint64_t flags;
  int32_t nice;
  uint32_t priority;
  uint64_t runtime, deadline, period;
  uint32_t util_min, util_max;
};
static inline int clx_sched_setattr(int pid, struct clx_sched_attr *a) {
  a->size = sizeof *a;
  return CLX_INT(syscall(SYS_sched_setattr, pid, a, 0));
}
static inline int clx_sched_setaffinity(int pid, size_t size, const void *mask) {
  return CLX_INT(syscall(SYS_sched_setaffinity, pid, size, mask));
}
static inline int clx_set_mempolicy(int mode, const unsigned long *nodes, unsigned long max_node) {
  return CLX_INT(syscall(SYS_set_mempolicy, mode, nodes, max_node));
}
static inline long clx_keyctl(int operation, const char *argument) {
  return clx_result(syscall(SYS_keyctl, operation, argument, 0, 0, 0));
}
static inline long clx_keyctl_setperm(int key, unsigned permissions) {
  return clx_result(syscall(SYS_keyctl, KEYCTL_SETPERM, key, permissions, 0, 0));
}

// ---- credentials: the raw system calls; the process has one thread ----

static inline int clx_setgroups(size_t count, const uint32_t *groups) {
  return CLX_INT(syscall(SYS_setgroups, count, groups));
}
static inline int clx_setresgid(unsigned r, unsigned e, unsigned s) { return CLX_INT(syscall(SYS_setresgid, r, e, s)); }
static inline int clx_setresuid(unsigned r, unsigned e, unsigned s) { return CLX_INT(syscall(SYS_setresuid, r, e, s)); }
static inline unsigned clx_geteuid(void) { return (unsigned)syscall(SYS_geteuid); }
static inline unsigned clx_getegid(void) { return (unsigned)syscall(SYS_getegid); }
static inline int clx_capset(uint64_t effective, uint64_t permitted, uint64_t inheritable) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  struct __user_cap_data_struct data[2] = {
      {(uint32_t)effective, (uint32_t)permitted, (uint32_t)inheritable},
      {(uint32_t)(effective >> 32), (uint32_t)(permitted >> 32), (uint32_t)(inheritable >> 32)}};
  return CLX_INT(syscall(SYS_capset, &header, data));
}
static inline int clx_capget(uint64_t *effective, uint64_t *permitted, uint64_t *inheritable) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  struct __user_cap_data_struct data[2] = {{0, 0, 0}, {0, 0, 0}};
  int r = CLX_INT(syscall(SYS_capget, &header, data));
  *effective = data[0].effective | (uint64_t)data[1].effective << 32;
  *permitted = data[0].permitted | (uint64_t)data[1].permitted << 32;
  *inheritable = data[0].inheritable | (uint64_t)data[1].inheritable << 32;
  return r;
}

// ---- seccomp(2) ----

struct clx_filter_program {
  unsigned short length;
  const void *instructions;
};
static inline int clx_seccomp_load(const void *instructions, unsigned short count, unsigned long flags) {
  struct clx_filter_program program = {count, instructions};
  return CLX_INT(syscall(SYS_seccomp, 1 /* SECCOMP_SET_MODE_FILTER */, flags, &program));
}
// ---- landlock(7) ----

static inline int clx_landlock_version(void) {
  return CLX_INT(syscall(444 /* SYS_landlock_create_ruleset */, NULL, 0, 1 /* LANDLOCK_CREATE_RULESET_VERSION */));
}
// Kernels without network rules want the shorter structure.
static inline int clx_landlock_create(uint64_t files, uint64_t ports, int has_ports) {
  uint64_t attributes[2] = {files, ports};
  return CLX_INT(syscall(444, attributes, has_ports ? 16 : 8, 0));
}
static inline int clx_landlock_allow_path(int ruleset, uint64_t access, int file) {
  struct __attribute__((packed)) {
    uint64_t access;
    int32_t file;
  } rule = {access, file};
  return CLX_INT(syscall(445 /* SYS_landlock_add_rule */, ruleset, 1 /* LANDLOCK_RULE_PATH_BENEATH */, &rule, 0));
}
static inline int clx_landlock_allow_port(int ruleset, uint64_t access, uint64_t port) {
  uint64_t rule[2] = {access, port};
  return CLX_INT(syscall(445, ruleset, 2 /* LANDLOCK_RULE_NET_PORT */, rule, 0));
}
static inline int clx_landlock_restrict(int ruleset) {
  return CLX_INT(syscall(446 /* SYS_landlock_restrict_self */, ruleset, 0));
}

// ---- bpf(2) ----

static inline int clx_bpf(int command, void *attributes, unsigned size) {
  return CLX_INT(syscall(SYS_bpf, command, attributes, size));
}

// ---- sockets ----

static inline int clx_socketpair(int type, int pair[2]) { return CLX_INT(socketpair(AF_UNIX, type, 0, pair)); }
static inline int clx_unix_socket(int type) { return CLX_INT(socket(AF_UNIX, type, 0)); }
// The length of the address. A name that begins with @ is in the abstract namespace (unix(7)), as sd_notify(3) writes it.
static inline int clx_unix_address(const char *path, struct sockaddr_un *address) {
  size_t length = strlen(path);
  if (length >= sizeof address->sun_path) return -ENAMETOOLONG;
  memset(address, 0, sizeof *address);
  address->sun_family = AF_UNIX;
  memcpy(address->sun_path, path, length + 1);
  if (path[0] != '@') return sizeof *address;
  address->sun_path[0] = 0;
  return offsetof(struct sockaddr_un, sun_path) + length;
}
static inline int clx_unix_connect(int fd, const char *path) {
  struct sockaddr_un address;
  int length = clx_unix_address(path, &address);
  return length < 0 ? length : CLX_INT(connect(fd, (struct sockaddr *)&address, length));
}
static inline int clx_unix_bind(int fd, const char *path) {
  struct sockaddr_un address;
  int length = clx_unix_address(path, &address);
  return length < 0 ? length : CLX_INT(bind(fd, (struct sockaddr *)&address, length));
}
static inline int clx_listen(int fd, int backlog) { return CLX_INT(listen(fd, backlog)); }
static inline int clx_accept4(int fd, int flags) { return CLX_INT(syscall(SYS_accept4, fd, NULL, NULL, flags)); }
// Sends bytes with any number of descriptors (SCM_RIGHTS, at most 8).
static inline long clx_send(int fd, const void *bytes, size_t size, const int *fds, int count) {
  union {
    char space[CMSG_SPACE(8 * sizeof(int))];
    struct cmsghdr align;
  } control;
  struct iovec iov = {(void *)bytes, size};
  struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
  if (count > 8) return -EINVAL;
  if (count > 0) {
    memset(&control, 0, sizeof control);
    message.msg_control = control.space;
    message.msg_controllen = CMSG_SPACE(count * sizeof(int));
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(count * sizeof(int));
    memcpy(CMSG_DATA(header), fds, count * sizeof(int));
  }
  return clx_result(sendmsg(fd, &message, MSG_NOSIGNAL));
}
// Receives bytes and at most one descriptor (-1: none); a further one is closed by the kernel (MSG_CTRUNC).
static inline long clx_receive(int fd, void *bytes, size_t size, int *received, int flags) {
  union {
    char space[CMSG_SPACE(sizeof(int))];
    struct cmsghdr align;
  } control;
  struct iovec iov = {bytes, size};
  struct msghdr message = {
      .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof control.space};
  *received = -1;
  long r = clx_result(recvmsg(fd, &message, flags | MSG_CMSG_CLOEXEC));
  if (r < 0) return r;
  for (struct cmsghdr *h = CMSG_FIRSTHDR(&message); h; h = CMSG_NXTHDR(&message, h))
    if (h->cmsg_level == SOL_SOCKET && h->cmsg_type == SCM_RIGHTS) memcpy(received, CMSG_DATA(h), sizeof(int));
  return r;
}
static inline int clx_poll(struct pollfd *fds, unsigned long count, int milliseconds) {
  return CLX_INT(poll(fds, count, milliseconds));
}

// ---- network ----

static inline int clx_netlink_route(void) { return CLX_INT(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0 /* NETLINK_ROUTE */)); }

// Sets IFF_UP on the interface (netdevice(7)).
static inline int clx_interface_up(const char *name) {
  int fd = CLX_INT(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  // A kernel without IPv4 has no AF_INET socket; the request is the same on any family.
  if (fd < 0) fd = CLX_INT(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (fd < 0) return fd;
  struct ifreq request;
  memset(&request, 0, sizeof request);
  strncpy(request.ifr_name, name, sizeof request.ifr_name - 1);
  int r = CLX_INT(ioctl(fd, SIOCGIFFLAGS, &request));
  if (r == 0 && !(request.ifr_flags & IFF_UP)) {
    request.ifr_flags |= IFF_UP;
    r = CLX_INT(ioctl(fd, SIOCSIFFLAGS, &request));
  }
  close(fd);
  return r;
}

// ---- terminals ----

// TIOCGPTPEER (ioctl_tty(2), Linux 4.13): opens the other end of a pseudo-terminal without a path.
static inline int clx_pty_peer(int master, int flags) { return CLX_INT(ioctl(master, TIOCGPTPEER, flags)); }
static inline int clx_pty_unlock(int master) {
  int locked = 0;
  return CLX_INT(ioctl(master, TIOCSPTLCK, &locked));
}
static inline int clx_pty_number(int master) {
  unsigned number = 0;
  int r = CLX_INT(ioctl(master, TIOCGPTN, &number));
  return r < 0 ? r : (int)number;
}
static inline int clx_set_controlling_terminal(int fd) { return CLX_INT(ioctl(fd, TIOCSCTTY, 0)); }
static inline int clx_set_window_size(int fd, unsigned short rows, unsigned short columns) {
  struct winsize size = {.ws_row = rows, .ws_col = columns};
  return CLX_INT(ioctl(fd, TIOCSWINSZ, &size));
}
static inline int clx_copy_window_size(int from, int to) {
  struct winsize size;
  int r = CLX_INT(ioctl(from, TIOCGWINSZ, &size));
  return r < 0 ? r : CLX_INT(ioctl(to, TIOCSWINSZ, &size));
}
static inline int clx_isatty(int fd) {
  struct termios t;
  return tcgetattr(fd, &t) == 0;
}
static inline int clx_terminal_get(int fd, struct termios *t) { return CLX_INT(tcgetattr(fd, t)); }
static inline int clx_terminal_set(int fd, const struct termios *t) { return CLX_INT(tcsetattr(fd, TCSANOW, t)); }

// ---- signals ----

// Past the C library, which keeps some real-time signals for itself: these are for others.
static inline uint64_t clx_signal_set(const int *signals, int count) {
  uint64_t set = 0;
  for (int i = 0; i < count; i++) set |= 1ULL << (signals[i] - 1);
  return set;
}
static inline int clx_signal_block(const int *signals, int count) {
  uint64_t set = clx_signal_set(signals, count);
  return CLX_INT(syscall(SYS_rt_sigprocmask, SIG_BLOCK, &set, NULL, sizeof set));
}
// An unblocked mask and default dispositions, as a new program expects them (signal(7)).
static inline void clx_signals_reset(void) {
  uint64_t none = 0;
  syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, sizeof none);
  for (int i = 1; i <= 64; i++) {
    // The kernel's struct sigaction: the handler comes first, and all zeros are the default.
    unsigned long old[4], standard[4] = {0};
    if (syscall(SYS_rt_sigaction, i, NULL, old, sizeof none) == 0 && old[0] == (unsigned long)SIG_IGN)
      syscall(SYS_rt_sigaction, i, standard, NULL, sizeof none);
  }
}
static inline int clx_signalfd(const int *signals, int count) {
  uint64_t set = clx_signal_set(signals, count);
  return CLX_INT(syscall(SYS_signalfd4, -1, &set, sizeof set, SFD_CLOEXEC | SFD_NONBLOCK));
}
static inline int clx_signalfd_read(int fd) {
  struct signalfd_siginfo info;
  long r = clx_result(read(fd, &info, sizeof info));
  return r < 0 ? (int)r : (int)info.ssi_signo;
}
// As everybody on Linux counts (kill -l), whatever the C library is: the two in front of RTMIN are for its threads.
static inline int clx_rtmin(void) { return 34; }
static inline int clx_rtmax(void) { return 64; }

// ---- time ----

static inline void clx_clock(int clock, int64_t *seconds, int64_t *nanoseconds) {
  struct timespec t = {0, 0};
  clock_gettime(clock, &t);
  *seconds = t.tv_sec;
  *nanoseconds = t.tv_nsec;
}
static inline void clx_utc(int64_t seconds, int out[6]) {
  time_t t = seconds;
  struct tm tm;
  gmtime_r(&t, &tm);
  out[0] = tm.tm_year + 1900, out[1] = tm.tm_mon + 1, out[2] = tm.tm_mday;
  out[3] = tm.tm_hour, out[4] = tm.tm_min, out[5] = tm.tm_sec;
}

// ---- the C library ----

extern char **environ;
extern int clx_argument_count;
extern char **clx_arguments;
static inline int clx_argc(void) { return clx_argument_count; }
static inline const char *clx_argv(int index) { return clx_arguments[index]; }
// Runs the file with the arguments and the environment this process was started with. See execveat(2).
static inline int clx_execute_with_own_arguments(int file) {
  return CLX_INT(syscall(SYS_execveat, file, "", clx_arguments, environ, CLX_AT_EMPTY_PATH));
}

const char *clx_strerror(int number);
static inline const char *clx_getenv(const char *name) { return getenv(name); }
static inline const char *clx_environ(int index) { return environ ? environ[index] : NULL; }
static inline double clx_log2(double x) { return log2(x); }
static inline double clx_pow(double x, double y) { return pow(x, y); }

// What the integration tests need of libc and Swift cannot call.
#pragma once
#include <spawn.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/types.h>

// Makes this process the reaper of its descendants' orphans (prctl(2), PR_SET_CHILD_SUBREAPER).
int ct_become_subreaper(void);

// posix_spawnp(3) in `directory` (may be NULL), with `count` descriptors as 0, 1, 2, … and no others, all signals unblocked and at
// their defaults; with `session`, as leader of a new session. Returns an errno, or 0.
int ct_spawn(pid_t *pid, char *const argv[], char *const envp[], const char *directory, const int *descriptors, int count,
             int session);

// A unix stream socket listening at `path`, or -1.
int ct_listen(const char *path);

// Receives one descriptor with a message (recvmsg(2), SCM_RIGHTS), waiting `milliseconds` for it; -1: none came.
int ct_receive_descriptor(int socket, int milliseconds);

// A unix datagram socket bound at `path`, or -1.
int ct_bind_datagram(const char *path);

// Sends `text`, with `descriptor` unless that is -1, to the unix datagram socket at `path`: 0, or -1.
int ct_send_datagram(const char *path, const char *text, int descriptor);

// Exchanges two directory entries (renameat2(2), RENAME_EXCHANGE): 0, or -1.
int ct_exchange(const char *one, const char *other);

// A device node (mknod(2)) with the kind and permissions of `mode`: 0, or -1.
int ct_make_device(const char *path, unsigned mode, unsigned major, unsigned minor);

// A new pseudo-terminal (posix_openpt(3)): 0, or -1.
int ct_open_terminal(int *master, int *slave);

// Accepts a peer of the stream socket, waiting `milliseconds` for it, and receives one message with a descriptor: the length of the
// text, or -1.
long ct_receive_message(int listener, int milliseconds, char *text, size_t size, int *descriptor);

// Takes one question from a descriptor of SCMP_ACT_NOTIFY (seccomp_unotify(2)), waiting `milliseconds` for it. The number of
// the system call, or -1 when there was none.
int ct_take_notification(int descriptor, int milliseconds, uint64_t *id);

// Answers it: with the errno `error`, or that the call may go on (0). 0, or -1 when nobody waits for the answer any more.
int ct_answer_notification(int descriptor, uint64_t id, int error);

// Whether somebody waits for the answer.
int ct_notification_waits(int descriptor, uint64_t id);

// The version of landlock(7) that the kernel has, or -1.
int ct_landlock_version(void);

// The inode of the user namespace that a namespace file's namespace belongs to (ioctl_ns(2), NS_GET_USERNS), or 0.
unsigned long ct_namespace_owner(const char *path);

// The shipped program's allocator (Sources/CLinux/Allocator.c), like malloc(3) and its kin.
void *ct_malloc(size_t size);
void ct_free(void *memory);
void *ct_calloc(size_t count, size_t size);
void *ct_realloc(void *memory, size_t size);
int ct_posix_memalign(void **result, size_t alignment, size_t size);
size_t ct_malloc_usable_size(void *memory);

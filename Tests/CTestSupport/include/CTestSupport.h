// What the integration tests need of libc and Swift cannot call.
#pragma once
#include <spawn.h>
#include <stddef.h>
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

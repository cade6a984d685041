#define _GNU_SOURCE
#include "CTestSupport.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

int ct_become_subreaper(void) { return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); }

int ct_spawn(pid_t *pid, char *const argv[], char *const envp[], const char *directory, const int *descriptors, int count,
             int session) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  sigset_t none, all;
  int error = posix_spawn_file_actions_init(&actions);
  if (error) return error;
  for (int target = 0; target < count; target++) posix_spawn_file_actions_adddup2(&actions, descriptors[target], target);
  posix_spawn_file_actions_addclosefrom_np(&actions, count);
  if (directory) posix_spawn_file_actions_addchdir_np(&actions, directory);
  posix_spawnattr_init(&attributes);
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setflags(&attributes,
                           POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | (session ? POSIX_SPAWN_SETSID : 0));
  error = posix_spawnp(pid, argv[0], &actions, &attributes, argv, envp);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return error;
}

int ct_listen(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address.sun_path) return errno = ENAMETOOLONG, -1;
  strcpy(address.sun_path, path);
  int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (listener < 0) return -1;
  if (bind(listener, (struct sockaddr *)&address, sizeof address) == 0 && listen(listener, 4) == 0) return listener;
  int error = errno;
  close(listener);
  return errno = error, -1;
}

static int unix_datagram(const char *path, struct sockaddr_un *address, socklen_t *length) {
  *address = (struct sockaddr_un){.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address->sun_path) return errno = ENAMETOOLONG, -1;
  strcpy(address->sun_path, path);
  *length = sizeof *address;
  if (path[0] == '@') {
    address->sun_path[0] = 0;
    *length = offsetof(struct sockaddr_un, sun_path) + strlen(path);
  }
  return socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

int ct_bind_datagram(const char *path) {
  struct sockaddr_un address;
  socklen_t length;
  int bound = unix_datagram(path, &address, &length);
  if (bound < 0 || bind(bound, (struct sockaddr *)&address, length) == 0) return bound;
  int error = errno;
  close(bound);
  return errno = error, -1;
}

int ct_send_datagram(const char *path, const char *text, int descriptor) {
  struct sockaddr_un address;
  socklen_t length;
  int sender = unix_datagram(path, &address, &length);
  if (sender < 0) return -1;
  union {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int))];
  } control = {0};
  struct iovec part = {(void *)text, strlen(text)};
  struct msghdr message = {.msg_name = &address, .msg_namelen = length, .msg_iov = &part, .msg_iovlen = 1};
  if (descriptor >= 0) {
    message.msg_control = control.bytes;
    message.msg_controllen = sizeof control.bytes;
    control.header.cmsg_level = SOL_SOCKET;
    control.header.cmsg_type = SCM_RIGHTS;
    control.header.cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(&control.header), &descriptor, sizeof descriptor);
  }
  long sent = sendmsg(sender, &message, MSG_NOSIGNAL);
  int error = errno;
  close(sender);
  return errno = error, sent < 0 ? -1 : 0;
}

int ct_exchange(const char *one, const char *other) {
  return renameat2(AT_FDCWD, one, AT_FDCWD, other, RENAME_EXCHANGE);
}

int ct_make_device(const char *path, unsigned mode, unsigned major, unsigned minor) {
  return mknod(path, mode, makedev(major, minor));
}

int ct_open_terminal(int *master, int *slave) {
  char name[64];
  *master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (*master < 0) return -1;
  if (grantpt(*master) == 0 && unlockpt(*master) == 0 && ptsname_r(*master, name, sizeof name) == 0) {
    *slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (*slave >= 0) return 0;
  }
  int error = errno;
  close(*master);
  return errno = error, -1;
}

long ct_receive_message(int listener, int milliseconds, char *text, size_t size, int *descriptor) {
  struct pollfd polled = {.fd = listener, .events = POLLIN};
  if (poll(&polled, 1, milliseconds) != 1) return -1;
  int peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
  if (peer < 0) return -1;
  polled.fd = peer;
  long length = -1;
  union {
    struct cmsghdr header;
    char space[CMSG_SPACE(sizeof(int))];
  } control;
  struct iovec iov = {text, size};
  struct msghdr message = {
      .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof control.space};
  *descriptor = -1;
  if (poll(&polled, 1, milliseconds) == 1) length = recvmsg(peer, &message, MSG_CMSG_CLOEXEC);
  struct cmsghdr *header = length > 0 ? CMSG_FIRSTHDR(&message) : NULL;
  if (header && header->cmsg_type == SCM_RIGHTS) memcpy(descriptor, CMSG_DATA(header), sizeof(int));
  close(peer);
  return length;
}

int ct_take_notification(int descriptor, int milliseconds, uint64_t *id) {
  struct pollfd polled = {.fd = descriptor, .events = POLLIN};
  if (poll(&polled, 1, milliseconds) != 1 || !(polled.revents & POLLIN)) return -1;
  struct seccomp_notif question;
  memset(&question, 0, sizeof question);
  if (ioctl(descriptor, SECCOMP_IOCTL_NOTIF_RECV, &question) != 0) return -1;
  *id = question.id;
  return question.data.nr;
}

int ct_answer_notification(int descriptor, uint64_t id, int error) {
  struct seccomp_notif_resp answer = {
      .id = id, .error = -error, .flags = error ? 0 : SECCOMP_USER_NOTIF_FLAG_CONTINUE};
  return ioctl(descriptor, SECCOMP_IOCTL_NOTIF_SEND, &answer);
}

int ct_notification_waits(int descriptor, uint64_t id) {
  return ioctl(descriptor, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
}

int ct_receive_descriptor(int listener, int milliseconds) {
  char text[4096];
  int descriptor = -1;
  ct_receive_message(listener, milliseconds, text, sizeof text, &descriptor);
  return descriptor;
}

int ct_landlock_version(void) { return (int)syscall(444 /* SYS_landlock_create_ruleset */, NULL, 0, 1); }

unsigned long ct_namespace_owner(const char *path) {
  struct stat status = {0};
  int file = open(path, O_RDONLY | O_CLOEXEC);
  int owner = ioctl(file, 0xb701 /* NS_GET_USERNS */);
  if (owner >= 0) fstat(owner, &status);
  close(owner);
  close(file);
  return status.st_ino;
}

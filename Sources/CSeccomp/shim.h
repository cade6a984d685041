// libseccomp, and what of seccomp(2) itself only this module asks. Answers like the kernel: a result, or -errno.
#pragma once

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

// Writes the filter's program to `out` and returns its size in bytes; when that is more than `capacity`, nothing is
// written. The library before 2.6 exports to a descriptor only: a memory file, since a pipe would block on a large one.
static inline long csc_export(scmp_filter_ctx filter, void *out, unsigned long capacity) {
  int fd = memfd_create("seccomp", MFD_CLOEXEC);
  if (fd < 0) return -errno;
  long result = seccomp_export_bpf(filter, fd);
  if (result == 0) {
    result = lseek(fd, 0, SEEK_END);
    if (result >= 0 && (unsigned long)result <= capacity) result = pread(fd, out, result, 0);
    if (result < 0) result = -errno;
  }
  close(fd);
  return result;
}

// Whether the kernel knows the flags of SECCOMP_SET_MODE_FILTER: they are checked (EINVAL) before the program, which is
// not there (EFAULT), is looked at.
static inline int csc_flags_known(unsigned long flags) {
  return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, (void *)0) < 0 && errno == EFAULT;
}

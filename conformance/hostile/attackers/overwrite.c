// overwrite SECONDS SIZE: lies in wait for a program of that size in other processes, and writes into it.
//
// Holds every /proc/PID/exe of that size open for reading, and tries to open it for writing through that descriptor until nobody runs
// it any more. The size is that of a copy made for this, and of no program of the machine: none of those is to come to harm. Prints
// "ready" at the start, and "overwritten" when it has got in.
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { most = 64 };
static int held[most], count;

static void hold(const char *pid, off_t size) {
  char path[300];
  struct stat status, other;
  snprintf(path, sizeof path, "/proc/%s/exe", pid);
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return;
  int is_wanted = fstat(file, &status) == 0 && status.st_size == size && count < most;
  for (int i = 0; i < count && is_wanted; i++)
    is_wanted = fstat(held[i], &other) < 0 || other.st_ino != status.st_ino || other.st_dev != status.st_dev;
  if (is_wanted) held[count++] = file;
  else close(file);
}

static int try_to_write(int file) {
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", file);
  int writable = open(path, O_WRONLY | O_CLOEXEC);
  if (writable < 0) return 0;
  int is_written = write(writable, "#!overwritten\n", 14) == 14;
  close(writable);
  return is_written;
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  off_t size = atoll(argv[2]);
  time_t end = time(NULL) + atoi(argv[1]);
  puts("ready");
  fflush(stdout);
  while (time(NULL) < end) {
    DIR *proc = opendir("/proc");
    for (struct dirent *entry; (entry = readdir(proc));)
      if (isdigit((unsigned char)entry->d_name[0])) hold(entry->d_name, size);
    closedir(proc);
    for (int i = 0; i < count; i++)
      if (try_to_write(held[i])) return puts("overwritten"), 0;
  }
  return 0;
}

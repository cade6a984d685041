// Runs commands for bench.py and tells what each cost. A program of its own and a small one: what vfork(2) and execve(2)
// take from it is the same tiny amount in every measurement, and it adopts containers' first processes (PR_SET_CHILD_SUBREAPER).
//
// One request a line, fields separated by tabs; one line of numbers as answer:
//   run  ARG…  ->  STATUS WALL_NS USER_US SYSTEM_US PEAK_KIB   what the command and all it reaped itself have used
//   reap PID   ->  STATUS WALL_NS USER_US SYSTEM_US PEAK_KIB   the same of an adopted process, after waiting for its end
// STATUS is the exit status, 128+N after signal N, or -1 when there is no such process.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static long long now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void answer(pid_t pid, long long start) {
  struct rusage used = {0};
  int status = 0;
  pid_t ended;
  do ended = wait4(pid, &status, 0, &used);
  while (ended < 0 && errno == EINTR);
  long long wall = now() - start;
  int code = ended < 0 ? -1 : WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  printf("%d %lld %lld %lld %ld\n", code, wall, used.ru_utime.tv_sec * 1000000LL + used.ru_utime.tv_usec,
         used.ru_stime.tv_sec * 1000000LL + used.ru_stime.tv_usec, used.ru_maxrss);
  fflush(stdout);
}

int main(int argc, char **argv) {
  if (argc != 2) return 2;
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  int errors = open(argv[1], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (null < 0 || errors < 0) return 1;

  static char line[1 << 16];
  static char *fields[512];
  while (fgets(line, sizeof line, stdin)) {
    size_t count = 0;
    line[strcspn(line, "\n")] = 0;
    for (char *field = strtok(line, "\t"); field && count < 511; field = strtok(NULL, "\t")) fields[count++] = field;
    fields[count] = NULL;
    if (count < 2) return 2;

    long long start = now();
    if (!strcmp(fields[0], "reap")) {
      answer(atoi(fields[1]), start);
      continue;
    }
    pid_t pid = vfork();
    if (pid == 0) {
      dup2(null, 0);
      dup2(null, 1);
      dup2(errors, 2);
      execve(fields[1], fields + 1, environ);
      _exit(127);
    }
    answer(pid, start);
  }
  return 0;
}

// Runs a program one instruction at a time and prints, in order of first use, every address of its code that was executed,
// by itself or by the processes that it makes, up to the exec of another program. For scripts/startup-order.
//   steps OUTPUT PROGRAM ARG…       (x86-64; the program is linked statically at a fixed address)
#define _GNU_SOURCE
#include <elf.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

static unsigned char seen[1 << 26];

// The same program even when it has re-executed itself from a copy.
static unsigned long entry_of(const char *path) {
  Elf64_Ehdr header = {0};
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0 || read(fd, &header, sizeof header) != sizeof header) header.e_entry = 0;
  close(fd);
  return header.e_entry;
}

int main(int argc, char **argv) {
  if (argc < 3) return 2;
  FILE *output = fopen(argv[1], "we");
  unsigned long entry = entry_of(argv[2]);
  pid_t first = fork();
  if (first == 0) {
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    raise(SIGSTOP);
    execv(argv[2], argv + 2);
    _exit(127);
  }
  int status, result = 1;
  waitpid(first, &status, 0);
  ptrace(PTRACE_SETOPTIONS, first, 0,
         PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL);
  ptrace(PTRACE_CONT, first, 0, 0);
  for (pid_t pid; (pid = waitpid(-1, &status, __WALL)) > 0;) {
    if (!WIFSTOPPED(status)) {
      if (pid == first) result = WIFEXITED(status) ? WEXITSTATUS(status) : 1;
      continue;
    }
    if (status >> 16 == PTRACE_EVENT_EXEC) {
      char path[32];
      snprintf(path, sizeof path, "/proc/%d/exe", pid);
      if (entry_of(path) != entry) {
        ptrace(PTRACE_DETACH, pid, 0, 0);
        continue;
      }
    }
    struct user_regs_struct registers;
    if (ptrace(PTRACE_GETREGS, pid, 0, &registers) == 0 && registers.rip < sizeof seen && !seen[registers.rip]) {
      seen[registers.rip] = 1;
      fprintf(output, "%llx\n", registers.rip);
    }
    int signal = WSTOPSIG(status);
    if (signal == SIGTRAP || signal == SIGSTOP) signal = 0;
    ptrace(PTRACE_SINGLESTEP, pid, 0, signal);
  }
  fclose(output);
  return result;
}

// Runs a program with a breakpoint on each of its functions and prints, in order of first use, the addresses of those that
// were executed, by itself or by the processes that it makes, up to the exec of another program. For scripts/startup-order.
//   steps OUTPUT ADDRESSES PROGRAM ARG…       (x86-64; the program is linked statically at a fixed address)
// ADDRESSES holds one hexadecimal address a line, ascending.
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

static unsigned char original[1 << 26], seen[1 << 26];
static unsigned long addresses[1 << 18];
static int count;

// The same program even when it has re-executed itself from a copy.
static unsigned long entry_of(const char *path) {
  Elf64_Ehdr header = {0};
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0 || read(fd, &header, sizeof header) != sizeof header) header.e_entry = 0;
  close(fd);
  return header.e_entry;
}

static int memory_of(pid_t pid) {
  char path[32];
  snprintf(path, sizeof path, "/proc/%d/mem", pid);
  return open(path, O_RDWR | O_CLOEXEC);
}

static void set_breakpoints(pid_t pid) {
  int memory = memory_of(pid);
  for (int i = 0; i < count; i++) {
    unsigned long address = addresses[i];
    if (!original[address] && pread(memory, &original[address], 1, address) != 1) continue;
    if (pwrite(memory, "\xcc", 1, address) != 1) continue;
  }
  close(memory);
}

int main(int argc, char **argv) {
  if (argc < 4) return 2;
  FILE *output = fopen(argv[1], "we"), *list = fopen(argv[2], "re");
  while (count < 1 << 18 && fscanf(list, "%lx", &addresses[count]) == 1)
    if (addresses[count] < sizeof seen) count++;
  unsigned long entry = entry_of(argv[3]);
  pid_t first = fork();
  if (first == 0) {
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    execv(argv[3], argv + 3);
    _exit(127);
  }
  int status, result = 1;
  waitpid(first, &status, 0);
  ptrace(PTRACE_SETOPTIONS, first, 0,
         PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL);
  set_breakpoints(first);
  ptrace(PTRACE_CONT, first, 0, 0);
  for (pid_t pid; (pid = waitpid(-1, &status, __WALL)) > 0;) {
    if (!WIFSTOPPED(status)) {
      if (pid != first) continue;
      // What it leaves waiting, a created container's process, would be waited for without end; it dies with us.
      result = WIFEXITED(status) ? WEXITSTATUS(status) : 1;
      break;
    }
    if (status >> 16 == PTRACE_EVENT_EXEC) {
      char path[32];
      snprintf(path, sizeof path, "/proc/%d/exe", pid);
      if (entry_of(path) != entry) {
        ptrace(PTRACE_DETACH, pid, 0, 0);
        continue;
      }
      set_breakpoints(pid);
    }
    int signal = WSTOPSIG(status);
    struct user_regs_struct registers;
    if (status >> 8 == SIGTRAP && ptrace(PTRACE_GETREGS, pid, 0, &registers) == 0 && registers.rip - 1 < sizeof seen &&
        original[registers.rip - 1]) {
      unsigned long address = --registers.rip;
      int memory = memory_of(pid);
      if (pwrite(memory, &original[address], 1, address) != 1) return 1;
      close(memory);
      ptrace(PTRACE_SETREGS, pid, 0, &registers);
      if (!seen[address]) fprintf(output, "%lx\n", address);
      seen[address] = 1;
    }
    if (signal == SIGTRAP || signal == SIGSTOP) signal = 0;
    ptrace(PTRACE_CONT, pid, 0, signal);
  }
  fclose(output);
  return result;
}

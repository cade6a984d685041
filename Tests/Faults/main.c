// Runs a command, and makes one system call of it, or of a process it makes, fail.
//
//   faults -r FILE [-s TEXT] [-p PID] COMMAND…    records the calls in FILE, a line each: PROCESS NUMBER NTH WHAT
//   faults -i PROCESS,NUMBER,NTH,ERRNO [-r FILE] [-s TEXT] [-p PID] COMMAND…
//                                                 the NTH call NUMBER of PROCESS is not made and fails with ERRNO; with ERRNO 0 the
//                                                 process is killed instead. FILE gets that call's line
//   faults -a TEXT -r FILE COMMAND…               writes to files with TEXT in their names are not made, and succeed: FILE gets a
//                                                 line each, NAME TEXT
//
// Processes are counted in the order in which they appear: the command is 0, and PID, which waits for it, 1. One that becomes
// another program is let go. Of the command, calls count from the first that opens a path with TEXT in it: what comes before is the
// C library's. WHAT is the file the call is about, as far as that shows. The exit status is the command's, or 128 and the signal;
// 124 when it does not end in time, and then all of its processes are killed; 123 when the call was never made.
//
// strace(1) can inject, too, but counts in every process alike: it cannot tell the same call of parent and child apart.
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>
#ifndef __x86_64__
#include <elf.h>
#endif

enum { most_processes = 256, most_numbers = 512, seconds = 20 };

static struct process {
  pid_t pid;
  int is_skipped;
  long value;
  int calls[most_numbers];
} processes[most_processes];
static int count;

static struct {
  int process, nth, error;
  long number;
} target;
static int is_hit, is_counting;
static const char *start_text, *accepted;
static FILE *record;
static volatile sig_atomic_t is_late;

static void out_of_time(int signal) { is_late = signal; }

static struct process *find(pid_t pid) {
  for (int i = 0; i < count; i++)
    if (processes[i].pid == pid) return &processes[i];
  if (count == most_processes) exit(125);
  processes[count].pid = pid;
  return &processes[count++];
}

// Up to 255 bytes at an address of the process; none when there are none. What is in the next page is read by itself: it may not
// be there.
static void read_bytes(pid_t pid, unsigned long address, size_t most, char text[256]) {
  text[0] = 0;
  if (address < 4096) return;
  if (most > 255) most = 255;
  size_t size = 4096 - address % 4096;
  if (size > most) size = most;
  struct iovec ours = {text, most}, theirs[] = {{(void *)address, size}, {(void *)(address + size), most - size}};
  ssize_t length = process_vm_readv(pid, &ours, 1, theirs, 2, 0);
  text[length < 0 ? 0 : length] = 0;
}

// The string at an address of the process.
static void read_text(pid_t pid, unsigned long address, char text[256]) {
  read_bytes(pid, address, 255, text);
  for (char *c = text; *c; c++)
    if (*c <= ' ' || *c > '~') *c = 0;
}

// The name of an open file of the process; empty when there is none.
static void read_name(pid_t pid, unsigned long descriptor, char name[256]) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/fd/%lu", pid, descriptor);
  ssize_t length = readlink(path, name, 255);
  name[length < 0 ? 0 : length] = 0;
}

// The call's line: after its numbers, the open file and the text among the first two arguments.
static void print_call(pid_t pid, int process, long number, int nth, const unsigned long arguments[2]) {
  char file[256], text[256];
  fprintf(record, "%d %ld %d", process, number, nth);
  for (int i = 0; i < 2; i++) {
    if (arguments[i] < 1024 && i == 0) {
      read_name(pid, arguments[0], file);
      if (file[0]) fprintf(record, " %s", file);
    } else {
      read_text(pid, arguments[i], text);
      if (text[0]) fprintf(record, " %s", text);
    }
  }
  putc('\n', record);
}

// Makes the call that is about to begin no call at all: ptrace(2), a number that does not exist.
static void skip(pid_t pid) {
#ifdef __x86_64__
  ptrace(PTRACE_POKEUSER, pid, offsetof(struct user_regs_struct, orig_rax), -1L);
#else
  int none = -1;
  struct iovec part = {&none, sizeof none};
  ptrace(PTRACE_SETREGSET, pid, NT_ARM_SYSTEM_CALL, &part);
#endif
}

static void answer(pid_t pid, long value) {
#ifdef __x86_64__
  ptrace(PTRACE_POKEUSER, pid, offsetof(struct user_regs_struct, rax), value);
#else
  struct user_regs_struct registers;
  struct iovec part = {&registers, sizeof registers};
  ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &part);
  registers.regs[0] = (unsigned long)value;
  ptrace(PTRACE_SETREGSET, pid, NT_PRSTATUS, &part);
#endif
}

// A write to a file of that name is written down instead.
static void accept_write(struct process *process, long number, const unsigned long arguments[3]) {
  char name[256], text[256];
  if (number != SYS_write) return;
  read_name(process->pid, arguments[0], name);
  if (!strstr(name, accepted)) return;
  read_bytes(process->pid, arguments[1], arguments[2], text);
  fprintf(record, "%s %s\n", name, text);
  process->is_skipped = 1;
  process->value = (long)arguments[2];
  skip(process->pid);
}

static void begins(struct process *process, long number, const unsigned long arguments[3]) {
  if (accepted) {
    accept_write(process, number, arguments);
    return;
  }
  int index = (int)(process - processes);
  if (index == 0 && !is_counting) {
    char text[256];
    read_text(process->pid, arguments[1], text);
    if (number != SYS_openat || !strstr(text, start_text)) return;
    is_counting = 1;
  }
  if (number < 0 || number >= most_numbers) return;
  int nth = ++process->calls[number];
  int is_target = index == target.process && number == target.number && nth == target.nth;
  if (record && (is_target || !target.nth)) print_call(process->pid, index, number, nth, arguments);
  if (is_target) {
    is_hit = 1;
    process->is_skipped = target.error != 0;
    process->value = -target.error;
    if (target.error == 0) kill(process->pid, SIGKILL);
    else skip(process->pid);
  }
}

static void at_call(struct process *process) {
  struct __ptrace_syscall_info info;
  if (ptrace(PTRACE_GET_SYSCALL_INFO, process->pid, sizeof info, &info) <= 0) return;
  if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
    begins(process, (long)info.entry.nr, (unsigned long[]){info.entry.args[0], info.entry.args[1], info.entry.args[2]});
  } else if (info.op == PTRACE_SYSCALL_INFO_EXIT && process->is_skipped) {
    process->is_skipped = 0;
    answer(process->pid, process->value);
  }
}

static long seize(pid_t pid) {
  return ptrace(PTRACE_SEIZE, pid, 0,
                PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK);
}

// Starts the command; it waits for our descriptor to close until it is traced.
static pid_t begin(char **command) {
  int gate[2];
  if (pipe(gate) < 0) exit(125);
  pid_t pid = fork();
  if (pid == 0) {
    char byte;
    close(gate[1]);
    if (read(gate[0], &byte, 1) != 0) _exit(125);
    close(gate[0]);
    execv(command[0], command);
    _exit(127);
  }
  if (pid < 0 || seize(pid) < 0) exit(125);
  find(pid);
  close(gate[0]);
  close(gate[1]);
  return pid;
}

// Follows every process until the command has ended; its exit status. A process that was `attached` and is killed is not waited
// for: as long as its tracer has not seen the end, nobody can reap it, and the command finds it as it was left.
static int follow(pid_t command, pid_t attached) {
  int is_command = 0;
  while (1) {
    int status;
    pid_t pid = waitpid(attached && is_hit && !target.error ? command : -1, &status, __WALL);
    if (pid < 0) return 124;
    if (!WIFSTOPPED(status)) {
      if (pid != command) continue;
      return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
    struct process *process = find(pid);
    int signal = WSTOPSIG(status), event = status >> 16;
    if (event == PTRACE_EVENT_EXEC) {
      is_command = 1;
      if (pid != command) {
        ptrace(PTRACE_DETACH, pid, 0, 0);
        continue;
      }
    }
    if (signal == (SIGTRAP | 0x80)) at_call(process);
    // What is no event of ours is a signal, which it shall have.
    int delivered = event == 0 && signal != (SIGTRAP | 0x80) ? signal : 0;
    ptrace(pid == command && !is_command ? PTRACE_CONT : PTRACE_SYSCALL, pid, 0, delivered);
  }
}

int main(int argc, char **argv) {
  pid_t attached = 0;
  int option;
  while ((option = getopt(argc, argv, "+a:i:p:r:s:")) != -1) {
    switch (option) {
      case 'a': accepted = optarg; break;
      case 'i':
        if (sscanf(optarg, "%d,%ld,%d,%d", &target.process, &target.number, &target.nth, &target.error) != 4) return 125;
        break;
      case 'p': attached = atoi(optarg); break;
      case 'r': record = fopen(optarg, "we"); break;
      case 's': start_text = optarg; break;
      default: return 125;
    }
  }
  if (optind == argc || !(record || target.nth)) return 125;
  is_counting = !start_text;
  sigaction(SIGALRM, &(struct sigaction){.sa_handler = out_of_time}, NULL);
  alarm(seconds);
  pid_t command = begin(argv + optind);
  if (attached) {
    if (seize(attached) < 0 || ptrace(PTRACE_INTERRUPT, attached, 0, 0) < 0) return 125;
    find(attached);
  }
  int status = follow(command, attached);
  if (is_late)
    for (int i = 0; i < count; i++) kill(processes[i].pid, SIGKILL);
  if (record) fclose(record);
  return !target.nth || is_hit || is_late ? status : 123;
}

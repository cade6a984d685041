#include "CLinux.h"

// The arguments of main, which glibc also hands to constructors: there before anything of Swift runs, and without the
// standard library's CommandLine.
int clx_argument_count;
char **clx_arguments;

__attribute__((constructor)) static void keep_arguments(int count, char **arguments) {
  clx_argument_count = count;
  clx_arguments = arguments;
}

#include "CLinux.h"

// The arguments of main: there before anything of Swift runs, and without the standard library's CommandLine.
int clx_argument_count;
char **clx_arguments;

// Constructors get no arguments from every C library, but the environment. In front of it lie the arguments' count, the arguments
// and a null pointer (System V ABI, processor supplement, "Initial Process Stack").
__attribute__((constructor)) static void find_arguments(void) {
  char **end = environ - 1;
  while ((intptr_t)end[-1 - clx_argument_count] != clx_argument_count) clx_argument_count++;
  clx_arguments = end - clx_argument_count;
}

// getopt_long(3) without its global variables: Swift 6 does not touch mutable globals of C.
#pragma once

#include <getopt.h>
#include <stddef.h>

// Starts over, with a new vector. 0 and not 1: glibc then reads the first character of the short options again.
static inline void clx_getopt_start(void) { optind = 0, opterr = 0; }

// One step of getopt_long(3).
static inline int clx_getopt(int argc, char *const *argv, const char *letters, const struct option *names) {
  return getopt_long(argc, argv, letters, names, NULL);
}

// The argument of the option that was found, or NULL.
static inline const char *clx_getopt_argument(void) { return optarg; }

// Where in the vector the next step looks; before the first step, at the first argument.
static inline int clx_getopt_position(void) { return optind == 0 ? 1 : optind; }

// The letter (or the value of the long option) that had an error.
static inline int clx_getopt_offender(void) { return optopt; }

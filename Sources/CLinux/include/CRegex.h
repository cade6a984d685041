// regcomp(3), which Swift cannot call as it is: its flags are macros.
#pragma once

#include <regex.h>

// Extended expressions, asked for yes or no.
static inline int clx_regex_compile(regex_t *regex, const char *pattern) {
  return regcomp(regex, pattern, REG_EXTENDED | REG_NOSUB);
}

// getopt_long(3) over tables that are kept here: each array of a type of its own would cost a Swift program some ten
// microseconds at its first use. One command line is read at a time, as with getopt_long(3) itself.
#pragma once

// Begins a command line of so many words, with no options known.
void clx_getopt_start(int words);
// Adds a word; it is copied.
void clx_getopt_word(const char *word);
// Adds an option. `letter` is 0 where there is none; `name` is kept, not copied. What is too much is ignored.
void clx_getopt_option(const char *name, int letter, int needs_argument);

enum clx_getopt_kind { CLX_GETOPT_END, CLX_GETOPT_OPTION, CLX_GETOPT_OPERAND, CLX_GETOPT_UNKNOWN, CLX_GETOPT_MISSING };

// Reads on. `number` is the option's in the order of adding; of what is unknown, the letter, or 0: the whole word.
int clx_getopt_next(int *number);
// The number of the word that is read next, from 0.
int clx_getopt_position(void);
// The argument of the option that was read, or NULL.
const char *clx_getopt_argument(void);

#include "CGetopt.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

enum { LIMIT = 64, FIRST_LONG = 256 };

static struct option names[LIMIT + 1];
static int name_letters[LIMIT];
static int name_count;
static char letters[2 * LIMIT + 3];
static int letter_count;
static char **words;
static int word_count, word_limit;

void clx_getopt_start(int count) {
  for (int i = 1; i < word_count; i++) free(words[i]);
  free(words);
  words = calloc((size_t)count + 2, sizeof *words);
  word_limit = words ? count + 1 : 0;
  word_count = 1;  // getopt_long skips the name of the program
  if (words) words[0] = "";
  memset(names, 0, sizeof names);
  memset(letters, 0, sizeof letters);
  name_count = letter_count = 0;
  // `-`: operands are reported where they stand, and nothing is moved; `:`: a missing argument is told apart.
  letters[letter_count++] = '-', letters[letter_count++] = ':';
  // 0 and not 1: glibc then reads the first character of the letters again.
  optind = 0, opterr = 0;
}

void clx_getopt_word(const char *word) {
  if (word_count < word_limit && (words[word_count] = strdup(word))) word_count++;
}

void clx_getopt_option(const char *name, int letter, int needs_argument) {
  if (name_count == LIMIT) return;
  // `optional_argument` for flags: `--all=false`.
  int kind = needs_argument ? required_argument : optional_argument;
  names[name_count] = (struct option){name, kind, NULL, FIRST_LONG + name_count};
  name_letters[name_count++] = letter;
  if (!letter) return;
  letters[letter_count++] = (char)letter;
  if (needs_argument) letters[letter_count++] = ':';
}

int clx_getopt_position(void) { return optind == 0 ? 0 : optind - 1; }
const char *clx_getopt_argument(void) { return optarg; }

static int number_of(int letter) {
  for (int i = 0; i < name_count; i++)
    if (name_letters[i] == letter) return i;
  return -1;
}

// Whether the option was written with its whole name: getopt_long(3) takes the start of a name for the name, so that a new
// option could change the meaning of an old script.
static int is_whole(const char *word, int option) {
  return strcspn(word, "=") == strlen(names[option].name) + 2;
}

// Gives a word such as `-no-subreaper` its second dash: programs in Go take names with one, and containerd writes this one so.
static void complete_dashes(char **word) {
  if (!*word || (*word)[0] != '-') return;
  size_t length = strcspn(*word + 1, "=");
  for (int i = 0; i < name_count; i++) {
    if (length < 2 || strlen(names[i].name) != length || strncmp(*word + 1, names[i].name, length) != 0) continue;
    char *full = malloc(strlen(*word) + 2);
    if (!full) return;
    full[0] = '-';
    strcpy(full + 1, *word);
    free(*word);
    *word = full;
    return;
  }
}

int clx_getopt_next(int *number) {
  *number = 0;
  if (!words) return CLX_GETOPT_END;
  complete_dashes(&words[clx_getopt_position() + 1]);
  const char *word = words[clx_getopt_position() + 1];
  int result = getopt_long(word_count, words, letters, names, NULL);
  if (result == -1) return CLX_GETOPT_END;
  if (result == 1) return CLX_GETOPT_OPERAND;
  int is_error = result == '?' || result == ':';
  int value = is_error ? optopt : result;
  // 0: a word that is no name, or the start of several.
  if (value == 0) return CLX_GETOPT_UNKNOWN;
  int found = value >= FIRST_LONG ? value - FIRST_LONG : number_of(value);
  if (value >= FIRST_LONG && !is_whole(word, found)) return CLX_GETOPT_UNKNOWN;
  if (found < 0 || result == '?') {
    *number = value > 0 && value < 128 ? value : 0;
    return CLX_GETOPT_UNKNOWN;
  }
  *number = found;
  return result == ':' ? CLX_GETOPT_MISSING : CLX_GETOPT_OPTION;
}

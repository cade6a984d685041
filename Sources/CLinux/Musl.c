// What musl does not have of the C library that Debian's libyajl and libseccomp were compiled for, and Swift's standard library.
#include <features.h>

#ifndef __GLIBC__
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

// What is called in place of a function whose target's size is known (_FORTIFY_SOURCE): a write beyond it ends the program.

void *__memcpy_chk(void *target, const void *source, size_t count, size_t size) {
  if (count > size) abort();
  return memcpy(target, source, count);
}

int __snprintf_chk(char *target, size_t count, int flag, size_t size, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  if (count > size) abort();
  int length = vsnprintf(target, count, format, arguments);
  va_end(arguments);
  return length;
}

int __sprintf_chk(char *target, int flag, size_t size, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(target, size, format, arguments);
  va_end(arguments);
  if (length < 0 || (size_t)length >= size) abort();
  return length;
}

int __fprintf_chk(FILE *file, int flag, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  int length = vfprintf(file, format, arguments);
  va_end(arguments);
  return length;
}

// The seed of Swift's hash tables: 16 bytes, which getrandom(2) gives whole.
void arc4random_buf(void *bytes, size_t count) {
  if (getrandom(bytes, count, 0) != (ssize_t)count) abort();
}
#endif

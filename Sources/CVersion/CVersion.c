#include "CVersion.h"

// volatile: the compiler must not use the placeholder's bytes in place of what stands in the binary.
__attribute__((section(".apus_build"), used, retain)) static const volatile unsigned char build[APUS_BUILD_SIZE] =
    "unknown\0unknown";

unsigned char apus_build_byte(long index) {
  return index >= 0 && index < APUS_BUILD_SIZE ? build[index] : 0;
}

#pragma once

/// Which build this is: `VERSION`, a NUL, the git commit, NULs. The linked program carries placeholders; `make build` writes
/// the real text into the section `.apus_build` of the finished binary, so that a new commit costs no compilation.
#define APUS_BUILD_SIZE 128

/// Byte `index` of that text; 0 outside of it. Bytes and not a pointer, so that a caller needs no unsafe code.
unsigned char apus_build_byte(long index);

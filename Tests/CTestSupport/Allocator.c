// The shipped program's allocator under names of its own.
#define CLX_TEST_ALLOCATOR
#define malloc ct_malloc
#define free ct_free
#define calloc ct_calloc
#define realloc ct_realloc
#define aligned_alloc ct_aligned_alloc
#define posix_memalign ct_posix_memalign
#define malloc_usable_size ct_malloc_usable_size
#include "../../Sources/CLinux/Allocator.c"

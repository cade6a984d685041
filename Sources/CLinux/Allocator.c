// The shipped program's memory: blocks in classes of sizes, each with a list of those that are free. A runtime lives a few
// milliseconds, asks for a few thousand small blocks and has one thread: nothing is given back to the kernel but large blocks, and the
// first part needs no system call at all. musl's own allocator maps and unmaps every buffer of a page.
//
// Takes the place of malloc(3) and its kin in a program that is linked with musl.
#include <features.h>

// Tests, which are linked with glibc, include this file with other names for the functions.
#if !defined __GLIBC__ || defined CLX_TEST_ALLOCATOR
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

// In front of what the caller gets; 16 bytes, so that both are aligned to as many.
struct header {
  uint32_t class;   // or LARGE; with FREE set while nobody has the block
  uint32_t offset;  // from the start of the block to the header: not 0 only when more alignment was asked for
  size_t size;      // of a large block, with all that is around it
};

// Sizes of blocks: multiples of 16 up to 256, then four steps to each power of two.
enum {
  SMALL = 16,
  STEPS = 4,
  LARGEST = 128 * 1024,
  CLASSES = SMALL + STEPS * 9,
  LARGE = 1 << 16,
  FREE = 1 << 17,
  CHUNK = 1 << 20,
};

static struct header *free_blocks[CLASSES];
static _Alignas(16) unsigned char first_chunk[128 * 1024];
static unsigned char *chunk = first_chunk;
static size_t chunk_left = sizeof first_chunk;

static unsigned class_of(size_t size) {
  if (size <= 256) return (unsigned)((size + 15) / 16) - 1;
  unsigned power = 63 - (unsigned)__builtin_clzll(size - 1);  // 2^power < size <= 2^(power+1)
  return SMALL + (power - 8) * STEPS + (unsigned)((size - 1) >> (power - 2) & 3);
}

static size_t size_of(unsigned class) {
  if (class < SMALL) return (class + 1) * 16;
  unsigned power = 8 + (class - SMALL) / STEPS;
  return ((size_t)STEPS + 1 + (class - SMALL) % STEPS) << (power - 2);
}

// The list runs through the first bytes behind the headers.
static struct header **next_of(struct header *block) { return (struct header **)(block + 1); }

static struct header *large(size_t size) {
  size = (size + 4095) & ~(size_t)4095;
  struct header *block = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (block == MAP_FAILED) return NULL;
  *block = (struct header){.class = LARGE, .size = size};
  return block;
}

void *malloc(size_t size) {
  if (size > PTRDIFF_MAX - 2 * CHUNK) {
    errno = ENOMEM;
    return NULL;
  }
  size += sizeof(struct header);
  // A free block needs room for the list.
  if (size < 2 * sizeof(struct header)) size = 2 * sizeof(struct header);
  struct header *block;
  if (size > LARGEST) {
    block = large(size);
    return block ? block + 1 : NULL;
  }
  unsigned class = class_of(size);
  if ((block = free_blocks[class])) {
    free_blocks[class] = *next_of(block);
  } else {
    size = size_of(class);
    if (size > chunk_left) {
      void *more = mmap(NULL, CHUNK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      if (more == MAP_FAILED) return NULL;
      chunk = more;
      chunk_left = CHUNK;
    }
    block = (struct header *)chunk;
    chunk += size;
    chunk_left -= size;
  }
  *block = (struct header){.class = class};
  return block + 1;
}

void free(void *memory) {
  if (!memory) return;
  struct header *block = (struct header *)memory - 1;
  if (block->offset) block = (struct header *)((unsigned char *)block - block->offset);
  if (block->class == LARGE) {
    int saved = errno;
    munmap(block, block->size);
    errno = saved;
    return;
  }
  // Freed twice, or written over: going on would be worse.
  if (block->class >= CLASSES) abort();
  *next_of(block) = free_blocks[block->class];
  free_blocks[block->class] = block;
  block->class |= FREE;
}

// How much fits behind the pointer.
size_t malloc_usable_size(void *memory) {
  if (!memory) return 0;
  struct header *block = (struct header *)memory - 1;
  size_t before = sizeof *block + block->offset;
  block = (struct header *)((unsigned char *)block - block->offset);
  return (block->class == LARGE ? block->size : size_of(block->class)) - before;
}

void *calloc(size_t count, size_t size) {
  size_t total;
  if (__builtin_mul_overflow(count, size, &total)) {
    errno = ENOMEM;
    return NULL;
  }
  void *memory = malloc(total);
  if (memory && ((struct header *)memory)[-1].class != LARGE) memset(memory, 0, total);
  return memory;
}

void *realloc(void *memory, size_t size) {
  if (!memory) return malloc(size);
  size_t usable = malloc_usable_size(memory);
  if (size <= usable) return memory;
  void *larger = malloc(size);
  if (!larger) return NULL;
  memcpy(larger, memory, usable);
  free(memory);
  return larger;
}

void *aligned_alloc(size_t alignment, size_t size) {
  if (alignment <= 16) return malloc(size);
  if (alignment & (alignment - 1) || alignment > CHUNK || size > PTRDIFF_MAX - 2 * CHUNK) {
    errno = EINVAL;
    return NULL;
  }
  unsigned char *memory = malloc(size + alignment);
  if (!memory) return NULL;
  uint32_t offset = (uint32_t)(-(uintptr_t)memory & (alignment - 1));
  struct header *block = (struct header *)(memory + offset) - 1;
  if (offset) *block = (struct header){.class = LARGE, .offset = offset};
  return block + 1;
}

int posix_memalign(void **result, size_t alignment, size_t size) {
  int saved = errno;
  void *memory = aligned_alloc(alignment, size);
  int error = memory ? 0 : errno;
  errno = saved;
  if (memory) *result = memory;
  return error;
}
#endif

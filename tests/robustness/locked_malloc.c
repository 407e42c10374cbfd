// An allocator of the program's own that maps, protects and drops pages under its lock, from before the first
// constructor on. Whatever fencepost does in these calls must not allocate: that would wait for the lock for ever.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { CHUNK = 1 << 20 };

static char *chunk;
static size_t used = CHUNK;
static volatile int is_locked;

static void lock(void)
{
    static const char words[] = "the allocator was called in the allocator\n";
    if (is_locked) {
        (void)!write(1, words, sizeof words - 1);
        _exit(3);
    }
    is_locked = 1;
}

static void unlock(void) { is_locked = 0; }

static void new_chunk(void)
{
    char *pages = mmap(NULL, 2 * CHUNK, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED)
        _exit(4);
    mprotect(pages, 2 * CHUNK, PROT_READ | PROT_WRITE);
    prctl(PR_SET_NAME, "allocator");
    madvise(pages, CHUNK, MADV_DONTNEED);
    pages = mremap(pages, 2 * CHUNK, CHUNK, 0);
    munmap(mmap(NULL, CHUNK, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), CHUNK);
    mlock(pages, 1);
    munlock(pages, 1);
    memset(pages, 0, CHUNK);
    chunk = pages;
    used = 0;
}

void *malloc(size_t size)
{
    lock();
    size_t needed = ((size + 15) & ~(size_t)15) + 16;
    if (needed > CHUNK - used)
        new_chunk();
    size_t *object = (size_t *)(chunk + used + 16);
    object[-1] = size;
    used += needed;
    unlock();
    return object;
}

void free(void *object)
{
    lock();
    if (object)
        madvise((void *)((size_t)object & -4096), 0, MADV_NORMAL);
    unlock();
}

void *calloc(size_t count, size_t size) { return memset(malloc(count * size), 0, count * size); }

void *realloc(void *object, size_t size)
{
    size_t *moved = malloc(size);
    if (object) {
        size_t before = ((size_t *)object)[-1];
        memcpy(moved, object, before < size ? before : size);
    }
    return moved;
}

static void begin_early(void)
{
    free(malloc(CHUNK / 2));
    // dlerror(3) would tell of this; the next search frees the text.
    dlsym(RTLD_DEFAULT, "nobody_has_this");
    free(malloc(CHUNK / 2));
}

__attribute__((section(".preinit_array"), used)) static void (*const early)(void) = begin_early;

int main(void)
{
    for (int i = 0; i < 20; i++)
        free(malloc(CHUNK / 3));
    puts("done");
    return 0;
}

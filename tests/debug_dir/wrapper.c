// Two functions write past objects that one wrapper allocates. What writes is inlined into both. A third one reads from
// what it has unmapped.
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static void *xmalloc(size_t size) { return malloc(size); }

static inline __attribute__((always_inline)) void put(volatile char *p) { p[32] = 1; }

__attribute__((noinline)) void first(void) { put(xmalloc(32)); }

__attribute__((noinline)) void second(void) { put(xmalloc(32)); }

__attribute__((noinline)) static char *map_page(void)
{
    return mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

__attribute__((noinline)) int third(void)
{
    volatile char *page = map_page();
    munmap((void *)page, 4096);
    return page[1];
}

int main(int count, char **arguments)
{
    if (count == 1)
        first();
    else if (strcmp(arguments[1], "second") == 0)
        second();
    else
        return third();
    return 0;
}

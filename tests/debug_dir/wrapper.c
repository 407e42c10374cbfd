// Two functions write past objects that one wrapper allocates. What writes is inlined into both.
#include <stdlib.h>

static void *xmalloc(size_t size) { return malloc(size); }

static inline __attribute__((always_inline)) void put(volatile char *p) { p[32] = 1; }

__attribute__((noinline)) void first(void) { put(xmalloc(32)); }

__attribute__((noinline)) void second(void) { put(xmalloc(32)); }

int main(int count, char **arguments)
{
    if (count > 1)
        second();
    else
        first();
    return 0;
}

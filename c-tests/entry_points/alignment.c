// Every size is aligned as the ABI asks, and every aligned entry point as it was asked.
// expect: clean
#include <assert.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ALIGNED(p, to) assert(((uintptr_t)(p) & ((to) - 1)) == 0)

int main(void)
{
    for (size_t size = 1; size < 5000; size += 7) {
        char *p = malloc(size);
        ALIGNED(p, size > 8 ? 16 : 8);
        memset(p, 1, size);
        free(p);
    }
    for (size_t alignment = 8; alignment <= 1 << 20; alignment *= 2) {
        void *p, *q = memalign(alignment, 10), *r = aligned_alloc(alignment, 3 * alignment);
        assert(posix_memalign(&p, alignment, 100) == 0);
        ALIGNED(p, alignment);
        ALIGNED(q, alignment);
        ALIGNED(r, alignment);
        memset(p, 1, 100);
        memset(q, 1, 10);
        memset(r, 1, 3 * alignment);
        free(p);
        free(q);
        free(r);
    }
    ALIGNED(valloc(1), 4096);
    char *whole = pvalloc(1);
    ALIGNED(whole, 4096);
    memset(whole, 1, 4096);
    return 0;
}

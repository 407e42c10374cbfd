// Sizes beyond PTRDIFF_MAX, and products that overflow, give NULL and ENOMEM.
// expect: clean
#define _GNU_SOURCE
#include <assert.h>
#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>

#define FAILS(call) (errno = 0, assert((call) == NULL), assert(errno == ENOMEM))

int main(void)
{
    volatile size_t huge = (size_t)PTRDIFF_MAX + 1, half = SIZE_MAX / 2 + 1;
    FAILS(malloc(huge));
    FAILS(malloc(SIZE_MAX));
    FAILS(calloc(half, 2));
    FAILS(calloc(2, half));
    FAILS(calloc(half, half));
    FAILS(calloc(1, huge));
    FAILS(realloc(NULL, huge));
    FAILS(reallocarray(NULL, half, 2));
    FAILS(memalign(64, huge));
    FAILS(aligned_alloc(64, huge));
    FAILS(valloc(huge));
    FAILS(pvalloc(SIZE_MAX));
    void *p = malloc(10), *same = p;
    FAILS(realloc(p, huge));
    FAILS(reallocarray(p, half, 2));
    assert(posix_memalign(&p, 64, huge) == ENOMEM && p == same);
    free(p);
    return 0;
}

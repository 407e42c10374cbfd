// By default requests that can't be granted are answered as libc does, with its errno.
// expect: clean
#define _GNU_SOURCE
#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define TRY(call) (errno = 0, p = (call), printf("%-30s %s %d\n", #call, p ? "memory" : "NULL", errno))

int main(void)
{
    volatile size_t most = SIZE_MAX, half = SIZE_MAX / 2 + 1;
    void *volatile p;
    TRY(aligned_alloc(0, 8));
    TRY(aligned_alloc(3, 8));
    TRY(aligned_alloc(24, 48));
    TRY(aligned_alloc(1, 8));
    TRY(aligned_alloc(64, 100));
    TRY(aligned_alloc(half, 8));
    TRY(memalign(0, 8));
    TRY(memalign(24, 8));
    TRY(memalign(half, 8));
    TRY(memalign(half + 1, 8));
    TRY(memalign(64, most));
    TRY(valloc(most));
    TRY(pvalloc(most));
    TRY(pvalloc(most - 4095));
    TRY(pvalloc(0));
    TRY(calloc(half, 2));
    TRY(calloc(most, most));
    TRY(reallocarray(NULL, half, 2));
    TRY(malloc(most));
    TRY(malloc(half));
    TRY(realloc(malloc(5), half));
    void *result = NULL;
    const size_t alignments[] = {0, 4, 24, 64, half};
    for (int i = 0; i < 5; i++)
        printf("posix_memalign: %d\n", posix_memalign(&result, alignments[i], i == 3 ? most : 8));
    return 0;
}

// What can be granted is no bad request.
// options: --bad-requests report
// expect: clean
#define _GNU_SOURCE
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    void *p = NULL;
    free(calloc(0, (size_t)-1));
    free(calloc((size_t)-1, 0));
    free(malloc(0));
    free(memalign(1, 3));
    free(aligned_alloc(64, 100));
    free(pvalloc(0));
    free(reallocarray(malloc(3), 3, 5));
    if (posix_memalign(&p, sizeof p, 0) == 0)
        free(p);
    if (malloc((size_t)1 << 62) != NULL)
        puts("much memory");
    puts("done");
    return 0;
}

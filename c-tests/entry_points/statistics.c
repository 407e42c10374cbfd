// The functions that tell about the heap, or tune it, can be called.
// expect: clean
#include <assert.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    char *p = malloc(1000);
    struct mallinfo2 now = mallinfo2();
    struct mallinfo before = mallinfo();
    malloc_trim(0);
    assert(mallopt(M_MMAP_THRESHOLD, 65536) == 1);
    FILE *sink = fopen("/dev/null", "w");
    assert(malloc_info(0, sink) == 0);
    fclose(sink);
    freopen("/dev/null", "w", stderr);
    malloc_stats();
    free(p);
    puts("still here");
    return 0;
}

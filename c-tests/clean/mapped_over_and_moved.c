// Pages of objects are replaced, moved away and unmapped, and the objects freed all the same.
// expect: clean
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

int main(void)
{
    for (size_t size = 4096; size <= 1 << 20; size *= 2) {
        char *block = aligned_alloc(4096, size), *other = aligned_alloc(4096, size);
        memset(block, 7, size);
        memset(other, 9, size);
        char *moved = mremap(block, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, other);
        printf("%d %d\n", moved == other, other[size - 1]);
        if (mmap(block, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != block)
            return 1;
        memset(block, 1, size);
        other = realloc(other, size + 100);
        printf("%d %d\n", other[0], other[size - 1]);
        free(block);
        free(other);
    }
    return 0;
}

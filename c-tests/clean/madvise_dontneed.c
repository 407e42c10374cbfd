// A program may give the kernel back pages of its own objects; they read as zeros afterwards.
// expect: clean
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

int main(void)
{
    for (size_t size = 4096; size <= 1 << 20; size *= 4) {
        char *block = aligned_alloc(4096, size);
        memset(block, 7, size);
        if (madvise(block, size, MADV_DONTNEED))
            return 1;
        printf("%d %d ", block[0], block[size - 1]);
        block[size / 2] = 5;
        printf("%d\n", block[size / 2]);
        free(block);
        // Freed as it is: nothing of it is in memory.
        char *dropped = aligned_alloc(4096, size);
        memset(dropped, 7, size);
        if (madvise(dropped, size, MADV_DONTNEED))
            return 1;
        free(dropped);
        char *next = calloc(1, size);
        printf("%d\n", next[0]);
        free(next);
    }
    return 0;
}

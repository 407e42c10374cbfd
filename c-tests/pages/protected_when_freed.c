// Large objects of which a part is protected are freed: the allocator unmaps them without a look at it.
// expect: clean
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

int main(void)
{
    mallopt(M_MMAP_THRESHOLD, 128 << 10);
    for (size_t size = (1 << 20) - 96; size <= 4 << 20; size *= 2) {
        for (int protection = PROT_NONE; protection <= PROT_READ; protection++) {
            char *block = aligned_alloc(4096, size);
            memset(block, 1, size);
            printf("%d\n", mprotect(block, size, protection));
            free(block);
            block = malloc(size);
            memset(block, 2, size);
            printf("%d\n", block[size / 2]);
            free(block);
        }
    }
    return 0;
}

// Pages are moved out of objects, which keep empty ones (MREMAP_DONTUNMAP): for loads and for the kernel they hold zeros.
// expect: clean
#define _GNU_SOURCE
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int main(void)
{
    int ends[2];
    if (pipe2(ends, O_NONBLOCK))
        return 1;
    // Natively a page that was moved back is a mapping of its own, and mremap takes one at a time.
    mallopt(M_MMAP_THRESHOLD, 1);
    for (size_t size = 4096; size <= 1 << 20; size *= 2) {
        char *block = aligned_alloc(4096, size), byte = 9;
        memset(block, 7, size);
        char *moved = mremap(block, size, size, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL);
        if (moved == MAP_FAILED) {
            puts("a kernel before Linux 5.7");
            return 0;
        }
        ssize_t written = write(ends[1], block + size - 1, 1), got = read(ends[0], &byte, 1);
        printf("write %zd, read %zd: %d; loads %d, moved %d\n", written, got, byte, block[0], moved[size - 1]);
        memset(block, 1, size);
        munmap(moved, size);
        free(block);
        // Grown elsewhere, and back to where the object was.
        block = aligned_alloc(4096, size);
        memset(block, 8, size);
        moved = mremap(block, size, 2 * size, MREMAP_MAYMOVE);
        printf("moved %d, %d %d\n", moved != block, moved[0], moved[2 * size - 1]);
        char *again = mremap(moved, 2 * size, size, MREMAP_MAYMOVE | MREMAP_FIXED, block);
        printf("back %d, %d\n", again == block, block[size - 1]);
        block = realloc(block, size + 1);
        printf("%d\n", block[size - 1]);
        free(block);
    }
    return 0;
}

// Advice on pages of objects of all sizes has the same result, and leaves the same contents, for loads and for the kernel.
// expect: clean
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int ends[2];

static void look(char *block, size_t size)
{
    char byte = 9;
    ssize_t written = write(ends[1], block + size / 2, 1), got = read(ends[0], &byte, 1);
    printf("write %zd, read %zd: %d; ", written, got, byte);
    printf("loads %d %d\n", block[0], block[size - 1]);
    memset(block, 3, size);
}

int main(void)
{
    static const struct {
        int number;
        const char *name;
    } all[] = {
        {MADV_NORMAL, "normal"}, {MADV_RANDOM, "random"}, {MADV_SEQUENTIAL, "sequential"},
        {MADV_WILLNEED, "willneed"}, {MADV_DONTNEED, "dontneed"}, {MADV_FREE, "free"},
        {MADV_REMOVE, "remove"}, {MADV_DONTFORK, "dontfork"}, {MADV_DOFORK, "dofork"},
        {MADV_WIPEONFORK, "wipeonfork"}, {MADV_KEEPONFORK, "keeponfork"}, {MADV_MERGEABLE, "mergeable"},
        {MADV_UNMERGEABLE, "unmergeable"}, {MADV_HUGEPAGE, "hugepage"}, {MADV_NOHUGEPAGE, "nohugepage"},
        {MADV_DONTDUMP, "dontdump"}, {MADV_DODUMP, "dodump"}, {20, "cold"}, {21, "pageout"},
        {22, "populate_read"}, {23, "populate_write"}, {24, "dontneed_locked"}, {1234, "none"},
    };
    if (pipe2(ends, O_NONBLOCK))
        return 1;
    for (size_t size = 4096; size <= 4 << 20; size *= 4) {
        char *block = aligned_alloc(4096, size);
        memset(block, 3, size);
        for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
            errno = 0;
            int result = madvise(block, size, all[i].number);
            printf("%zu %s %d %d: ", size, all[i].name, result, errno);
            // The kernel may drop such pages now or later.
            if (all[i].number == MADV_FREE)
                memset(block, 3, size);
            look(block, size);
        }
        printf("posix %d: ", posix_madvise(block, size, POSIX_MADV_DONTNEED));
        look(block, size);
        free(block);
        char *next = calloc(1, size);
        look(next, size);
        free(next);
    }
    return 0;
}

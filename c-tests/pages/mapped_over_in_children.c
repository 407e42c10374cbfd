// Mappings over objects in the parent are as good in its children: what is missing in them holds zeros, for loads and for the kernel.
// expect: clean
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BYTES = 16384 };
static int ends[2];

static void look(const char *what, char *block)
{
    char byte = 9;
    ssize_t written = write(ends[1], block + BYTES - 1, 1), got = read(ends[0], &byte, 1);
    printf("%s: write %zd, read %zd: %d; load %d\n", what, written, got, byte, block[4096]);
    memset(block, 2, BYTES);
    madvise(block, BYTES, MADV_DONTNEED);
    printf("dropped: pipe %d, ", pipe((int *)(block + 8192)));
    printf("load %d\n", block[0]);
}

int main(void)
{
    int file = memfd_create("file", 0);
    if (pipe2(ends, O_NONBLOCK) || ftruncate(file, BYTES))
        return 1;
    char *private = aligned_alloc(4096, BYTES), *shared = aligned_alloc(4096, BYTES), *mine = aligned_alloc(4096, BYTES);
    const int flags = MAP_FIXED | MAP_ANONYMOUS, both = PROT_READ | PROT_WRITE;
    if (mmap(private, BYTES, both, MAP_PRIVATE | flags, -1, 0) != private
        || mmap(shared, BYTES, both, MAP_SHARED | flags, -1, 0) != shared
        || mmap(mine, BYTES, both, MAP_SHARED | MAP_FIXED, file, 0) != mine)
        return 2;
    for (int level = 0; level < 2; level++) {
        fflush(stdout);
        if (fork() != 0)
            break;
        look("private", private);
        look("shared", shared);
        look("of a file", mine);
        char *other = malloc(100);
        memset(other, 1, 100);
        free(other);
    }
    int status = 0;
    if (wait(&status) > 0)
        printf("ended with %d\n", status);
    printf("%d %d\n", shared[0], mine[0]);
    free(private);
    free(shared);
    free(mine);
    return 0;
}

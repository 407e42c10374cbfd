// torn CALL: a call about pages that reaches beyond its object. Then an overrun of another object, a stale access, and work of the allocator.
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { PAGE = 4096, COUNT = 64, ALL = PROT_READ | PROT_WRITE | PROT_EXEC };

static char *objects[COUNT];

// Objects that the program has freed and allocated leave places of all sorts between those that live.
static void mix(size_t size)
{
    for (int i = 0; i < COUNT; i++)
        objects[i] = aligned_alloc(PAGE, size);
    for (int i = 1; i < COUNT; i += 4)
        free(objects[i]);
    for (int i = 1; i < COUNT; i += 8)
        objects[i] = aligned_alloc(PAGE, size);
}

int main(int argc, char **argv)
{
    const char *call = argc > 1 ? argv[1] : "";
    size_t size = argc > 2 ? strtoul(argv[2], NULL, 0) : PAGE;
    mix(size);
    volatile char *from = objects[16], *reached = objects[18], *other = objects[50], *stale = objects[21];
    size_t bytes = 12 * (size + PAGE);
    if (strcmp(call, "munmap") == 0)
        printf("%d\n", munmap((char *)from, bytes));
    if (strcmp(call, "mprotect") == 0)
        printf("%d\n", mprotect((char *)from, bytes, PROT_READ));
    if (strcmp(call, "mprotect-all") == 0)
        printf("%d\n", mprotect((char *)from, bytes, ALL));
    if (strcmp(call, "mmap") == 0)
        printf("%d\n", mmap((char *)from, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == from);
    if (strcmp(call, "mremap") == 0)
        printf("%d\n", mremap((char *)from, bytes, bytes + PAGE, MREMAP_MAYMOVE) == MAP_FAILED);
    if (strcmp(call, "madvise") == 0)
        printf("%d\n", madvise((char *)from, bytes, MADV_DONTNEED));
    if (strcmp(call, "guards") == 0)
        printf("%d\n", madvise((char *)from, bytes, 103 /* MADV_GUARD_REMOVE */) != 1);
    fflush(stdout);
    (void)other[size];
    (void)stale[0];
    // Reachable natively, too, unless it was unmapped.
    if (strcmp(call, "munmap") != 0)
        (void)*reached;
    (void)reached[size];
    // What waits for an object is as it was.
    for (int round = 0; round < 4 * COUNT; round++) {
        char *p = aligned_alloc(PAGE, size);
        memset(p, round, size);
        free(p);
    }
    puts("done");
    return 0;
}

// What grows, moves and is cut with guards on both sides is what it would be without.
// options: --mappings=guard-both
// expect: clean
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define FLAGS (MAP_PRIVATE | MAP_ANONYMOUS)

int main(void)
{
    for (int round = 0; round < 50; round++) {
        char *pages = mmap(0, 16384, PROT_READ | PROT_WRITE, FLAGS, -1, 0);
        memset(pages, 7, 16384);
        pages = mremap(pages, 16384, 65536, MREMAP_MAYMOVE);
        pages[65535] = 1;
        pages = mremap(pages, 65536, 8192, 0);
        // The page before it is free to the program.
        char *before = mmap(pages - 4096, 4096, PROT_READ, FLAGS | MAP_FIXED_NOREPLACE, -1, 0);
        if (before != MAP_FAILED)
            munmap(before, 4096);
        if (pages[8191] != 7 || munmap(pages, 4096) || munmap(pages + 4096, 4096))
            puts("wrong");
        if (msync(pages, 4096, MS_SYNC) == 0 || mprotect(pages, 8192, PROT_READ) == 0)
            puts("something is there");
    }
    puts("done");
    return 0;
}

// A stale pointer to a mapping, whose address another one has taken since: read-only, so that the store faults.
// expect: mapping-protection
// expect-access: WRITE of size 1
// expect-place: located 5000 bytes inside of 8192-byte mapping
// expect-note: it is private memory without a file
// expect-note: the page is read-only: by mmap(0x200000000, 8192, PROT_READ, *)
// expect-note: another mapping was there before, until munmap(0x200000000, 8192)
#define _GNU_SOURCE
#include <sys/mman.h>

static char *map(int protection)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
    return mmap((void *)0x200000000, 8192, protection, flags, -1, 0); // <- mapped in map
}

int main(void)
{
    volatile char *pages = map(PROT_READ | PROT_WRITE);
    munmap((void *)pages, 8192); // <- before in main
    map(PROT_READ);
    pages[5000] = 1; // <- access in main
}

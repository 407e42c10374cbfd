// mremap moves a mapping; the old address is used.
// expect: mapping-use-after-unmap
// expect-access: READ of size 1
// expect-place: located 3 bytes inside of 4096-byte mapping
// expect-note: mremap(0x*, 4096, …) has moved it to 0x*
#define _GNU_SOURCE
#include <sys/mman.h>

int main(void)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS;
    volatile char *page = mmap(0, 4096, PROT_READ, flags, -1, 0); // <- mapped in main
    void *to = mmap(0, 4096, PROT_NONE, flags, -1, 0);
    mremap((char *)page, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, to); // <- moved in main
    return page[3]; // <- access in main
}

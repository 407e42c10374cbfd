// mremap makes a mapping smaller; what was cut off is used.
// expect: mapping-use-after-unmap
// expect-access: WRITE of size 8
// expect-place: located 4096 bytes inside of 12288-byte mapping
// expect-note: mremap(0x*, 12288, …) has cut it off
#define _GNU_SOURCE
#include <sys/mman.h>

int main(void)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS;
    long *pages = mmap(0, 12288, PROT_READ | PROT_WRITE, flags, -1, 0); // <- mapped in main
    pages = mremap(pages, 12288, 4096, 0); // <- moved in main
    *(volatile long *)(pages + 512) = 1; // <- access in main
}

// The same with guards: there the place of the first mapping is nobody's.
// options: --mappings=guard,check
// expect: munmap-twice
// expect-call: munmap
// expect-place: located 0 bytes inside of 8192-byte mapping
// expect-exit: 0
#include <sys/mman.h>

int main(void)
{
    char *pages = mmap(0, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); // <- mapped in main
    munmap(pages, 8192); // <- unmapped in main
    return munmap(pages, 8192); // <- called in main
}

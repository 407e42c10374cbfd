// The second munmap of a mapping.
// options: --mappings=check
// expect: munmap-twice
// expect-call: munmap
// expect-place: located 0 bytes inside of 8192-byte mapping
// expect-note: munmap(*, 8192) has unmapped these pages before
// expect-exit: 0
#include <sys/mman.h>

int main(void)
{
    char *pages = mmap(0, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); // <- mapped in main
    munmap(pages, 8192); // <- unmapped in main
    return munmap(pages, 8192); // <- called in main
}

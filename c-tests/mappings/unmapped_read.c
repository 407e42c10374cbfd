// A mapping is read after it was unmapped.
// expect: mapping-use-after-unmap
// expect-access: READ of size 4
// expect-place: located 5000 bytes inside of 8192-byte mapping
// expect-note: it was private memory without a file
// expect-note: munmap(0x*, 8192) has unmapped it
#include <sys/mman.h>

int main(void)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS;
    char *pages = mmap(0, 8192, PROT_READ | PROT_WRITE, flags, -1, 0); // <- mapped in main
    munmap(pages, 8192); // <- unmapped in main
    return *(volatile int *)(pages + 5000); // <- access in main
}

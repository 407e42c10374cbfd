// A page is freed that was mapped once and is no more.
// expect: bad-free
// expect-place: never allocated*
// expect-note: 0x* is located 0 bytes inside of 4096-byte mapping *
// expect-note: munmap(0x*, 4096) has unmapped it
#include <stdlib.h>
#include <sys/mman.h>

int main(void)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS;
    char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, flags, -1, 0); // <- mapped in main
    munmap(page, 4096); // <- unmapped in main
    free(page); // <- called in main
    return 0;
}

// A page of mmap is freed.
// expect: bad-free
// expect-place: never allocated*
// expect-note: 0x* is located 64 bytes inside of 4096-byte mapping *
#include <stdlib.h>
#include <sys/mman.h>

int main(void)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS;
    char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, flags, -1, 0); // <- mapped in main
    free(page + 64); // <- called in main
    return 0;
}

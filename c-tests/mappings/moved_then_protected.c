// What mprotect said of a mapping holds after mremap.
// expect: mapping-protection
// expect-access: WRITE of size 1
// expect-place: located 1 byte inside of 4096-byte mapping
// expect-note: the page must not be accessed: by mprotect(0x*, 4096, PROT_NONE)
#define _GNU_SOURCE
#include <sys/mman.h>

int main(void)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS;
    char *pages = mmap(0, 8192, PROT_READ | PROT_WRITE, flags, -1, 0); // <- mapped in main
    mprotect(pages + 4096, 4096, PROT_NONE); // <- protected in main
    volatile char *to = mmap(0, 16384, PROT_NONE, flags, -1, 0);
    mremap(pages, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, to);
    mremap(pages + 4096, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, to + 4096); // <- moved in main
    to[0] = 1;
    to[4097] = 1; // <- access in main
}

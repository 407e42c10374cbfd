// One page of a mapping is made read-only, and written to.
// expect: mapping-protection
// expect-access: WRITE of size 1
// expect-place: located 4096 bytes inside of 12288-byte mapping
// expect-note: the page is read-only: by mprotect(0x*, 4096, PROT_READ)
// expect-stdout: 2
#include <stdio.h>
#include <sys/mman.h>

int main(void)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS;
    volatile char *pages = mmap(0, 12288, PROT_READ | PROT_WRITE, flags, -1, 0); // <- mapped in main
    mprotect((char *)pages, 4096, PROT_NONE);
    mprotect((char *)pages + 4096, 4096, PROT_READ); // <- protected in main
    pages[8192] = 2;
    printf("%d\n", pages[4096] + pages[8192]);
    fflush(stdout);
    pages[4096] = 1; // <- access in main
}

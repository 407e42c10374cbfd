// The first half of a mapping is unmapped. The second half is used rightly, and then the first.
// expect: mapping-use-after-unmap
// expect-access: WRITE of size 1
// expect-place: located 4095 bytes inside of 8192-byte mapping
// expect-stdout: 5
#include <stdio.h>
#include <sys/mman.h>

int main(void)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS;
    volatile char *pages = mmap(0, 8192, PROT_READ | PROT_WRITE, flags, -1, 0); // <- mapped in main
    munmap((char *)pages, 4096); // <- unmapped in main
    pages[4096] = 5;
    printf("%d\n", pages[4096]);
    fflush(stdout);
    pages[4095] = 1; // <- access in main
}

// Past the end of a mapping nothing is mapped.
// expect: mapping-overflow
// expect-access: WRITE of size 4
// expect-place: located 8 bytes after 20480-byte mapping
// expect-note: it is shared memory without a file
#define _GNU_SOURCE
#include <sys/mman.h>

int main(void)
{
    int flags = MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
    int rights = PROT_READ | PROT_WRITE;
    char *pages = mmap((void *)0x200000000, 5 * 4096, rights, flags, -1, 0); // <- mapped in main
    *(volatile int *)(pages + 5 * 4096 + 8) = 1; // <- access in main
}

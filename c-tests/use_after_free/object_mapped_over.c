// An object whose pages the program has replaced faults after its free like any other.
// expect: heap-use-after-free
// expect-access: WRITE of size 1
// expect-place: located 4096 bytes inside of 8192-byte region
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/mman.h>

int main(void)
{
    char *block = aligned_alloc(4096, 8192); // <- allocated in main
    if (mmap(block, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != block)
        return 1;
    block[0] = 1;
    free(block); // <- freed in main
    ((volatile char *)block)[4096] = 1; // <- access in main
    return 0;
}

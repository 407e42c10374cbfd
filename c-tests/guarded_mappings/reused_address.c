// A stale pointer into a mapping whose address the next one would have had: it faults, as that lies elsewhere.
// options: --mappings guard
// expect: mapping-use-after-unmap
// expect-access: WRITE of size 1
// expect-place: located 5 bytes inside of 8192-byte mapping
#include <string.h>
#include <sys/mman.h>

static char *map(void)
{
    return mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); // <- mapped in map
}

int main(void)
{
    volatile char *first = map();
    munmap((char *)first, 8192); // <- unmapped in main
    char *second = map();
    memset(second, 1, 8192);
    first[5] = 1; // <- access in main
    return second[5] - 1;
}

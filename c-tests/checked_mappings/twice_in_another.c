// The second munmap of a mapping whose place is another's by now, which is torn.
// options: --mappings=check
// expect: munmap-twice
// expect-call: munmap
// expect-place: located 0 bytes inside of 134217728-byte mapping
// expect-note: another mapping has taken them since
// expect-exit: 0
#include <sys/mman.h>

#define BYTES ((size_t)64 << 20)

static char *map(size_t bytes)
{
    return mmap(0, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); // <- mapped in map
}

int main(void)
{
    // The second one is laid just before the first, and a larger one begins there when both are gone.
    char *first = map(BYTES), *second = map(BYTES);
    munmap(first, BYTES);
    munmap(second, BYTES); // <- unmapped in main
    char *other = map(2 * BYTES);
    if (other != second)
        return 77;
    munmap(second, BYTES); // <- called in main
    return munmap(other + BYTES, BYTES);
}

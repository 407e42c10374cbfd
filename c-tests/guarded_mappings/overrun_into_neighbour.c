// A loop runs over the end of a mapping, where the neighbour would be.
// options: --mappings guard
// expect: mapping-overflow
// expect-access: WRITE of size 1
// expect-place: located 0 bytes after 8192-byte mapping
#include <sys/mman.h>

static char *map(void)
{
    return mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); // <- mapped in map
}

int main(void)
{
    char *neighbour = map();
    volatile char *m = map();
    for (int i = 0; i <= 8192; i++)
        m[i] = 1; // <- access in main
    return neighbour[0];
}

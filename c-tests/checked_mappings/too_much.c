// munmap with a length that is too large takes the mapping behind, too. The program goes on.
// options: --mappings=check
// expect: munmap-too-much
// expect-call: munmap
// expect-place: located 0 bytes inside of 67108864-byte mapping
// expect-note: munmap of 67112960 bytes takes it, too: it begins in the mapping *
// expect-stdout: done
// expect-exit: 0
#include <stdio.h>
#include <sys/mman.h>

#define BYTES (64 << 20)

static char *map(void)
{
    return mmap(0, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); // <- mapped in map
}

int main(void)
{
    char *one = map(), *two = map();
    char *low = one < two ? one : two;
    if (low + BYTES != one && low + BYTES != two)
        return 77;
    munmap(low, BYTES + 4096); // <- called in main
    puts("done");
}

// With guard-both there is a guard before each mapping, even where another mapping lies just before.
// options: --mappings=guard-both
// expect: mapping-underflow
// expect-access: READ of size 1
// expect-place: located 1 byte before 4096-byte mapping
// expect-note: it is private memory without a file
#define _GNU_SOURCE
#include <sys/mman.h>

#define PAGE 4096
#define FLAGS (MAP_PRIVATE | MAP_ANONYMOUS)

static char *map(void)
{
    return mmap(0, PAGE, PROT_READ, FLAGS, -1, 0); // <- mapped in map
}

int main(void)
{
    // A mapping without guards below the others, with little room between: there the next ones are laid.
    char *above = map(), *below = MAP_FAILED;
    for (int pages = 64; below == MAP_FAILED; pages += 64)
        below = mmap(above - pages * PAGE, 54 * PAGE, PROT_READ, FLAGS | MAP_FIXED_NOREPLACE, -1, 0);
    volatile char *lowest = above;
    for (char *next = map(); next > below; next = map())
        if (next < lowest)
            lowest = next;
    return lowest[-1]; // <- access in main
}

// With guards the runtime knows all mappings: that does not make one reachable to the program.
// options: --leaks=full --leak-kinds=all --leak-mappings --mappings=guard
// expect: leaks
#include "clobber.h"
#include <sys/mman.h>

static void *kept;

static NOINLINE void lose(void)
{
    mmap(NULL, 64 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); // <- leak: mapping 67108864 bytes in 1
}

static NOINLINE void keep(void)
{
    kept = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

int main(void)
{
    keep();
    lose();
    clobber();
}

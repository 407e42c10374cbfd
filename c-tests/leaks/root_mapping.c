// The only pointers are in mappings of the program's own: private and shared memory.
// options: --leaks=full --leak-kinds=all
// expect: leaks
#define _GNU_SOURCE
#include "clobber.h"
#include <stdlib.h>
#include <sys/mman.h>

static NOINLINE void keep(int flags)
{
    void **memory = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);
    memory[5000] = malloc(40); // <- leak: reachable 80 bytes in 2
}

int main(void)
{
    keep(MAP_PRIVATE);
    keep(MAP_SHARED);
    clobber();
}

// The mapping that held the only pointer is gone.
// options: --leaks=full --leak-kinds=all
// expect: leaks
#define _GNU_SOURCE
#include "clobber.h"
#include <stdlib.h>
#include <sys/mman.h>

static NOINLINE void lose(void)
{
    void **memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memory[0] = malloc(40); // <- leak: definite 40 bytes in 1
    munmap(memory, 4096);
}

int main(void)
{
    lose();
    clobber();
}

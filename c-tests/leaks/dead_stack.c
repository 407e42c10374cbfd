// A pointer below the stack pointer, which a function that has returned left there, is none.
// options: --leaks=full --leak-kinds=all
// expect: leaks
#include "clobber.h"
#include <stdlib.h>
#include <unistd.h>

static NOINLINE void deep(void)
{
    void *volatile stale[64];
    for (int i = 0; i < 64; i++)
        stale[i] = 0;
    stale[0] = malloc(40); // <- leak: definite 40 bytes in 1
}

// Far below whatever exit calls.
static NOINLINE void descend(int depth)
{
    volatile char room[4096];
    room[depth] = 1;
    if (depth > 0)
        descend(depth - 1);
    else
        deep();
}

int main(void)
{
    descend(16);
    __asm__ volatile("xor %%eax, %%eax" ::: "rax");
}

// The only pointers are in objects that went unguarded, for want of memory: the chain goes on through them.
// options: --leaks=full --leak-kinds=all --memory-limit=1
// expect: leaks
#include "clobber.h"
#include <stdlib.h>

static void *filler[1000];
static void ***kept;

static NOINLINE void fill(void)
{
    for (int i = 0; i < 1000; i++)
        filler[i] = malloc(16); // <- leak: reachable 16000 bytes in 1000
}

static NOINLINE void work(void)
{
    kept = malloc(8); // <- leak: reachable 8 bytes in 1
    *kept = malloc(16); // <- leak: reachable 16 bytes in 1
    **kept = malloc(24); // <- leak: reachable 24 bytes in 1
    *(char *)malloc(40) = 1; // <- leak: definite 40 bytes in 1
}

int main(void)
{
    fill();
    work();
    clobber();
}

// Objects of no bytes are objects, and a pointer to one is one to its start.
// options: --leaks=full --leak-kinds=all
// expect: leaks
#include "clobber.h"
#include <stdlib.h>

static void *kept;

static NOINLINE void work(void)
{
    void *volatile lost = malloc(0); // <- leak: definite 0 bytes in 1
    lost = NULL;
    kept = malloc(0); // <- leak: reachable 0 bytes in 1
}

int main(void)
{
    work();
    clobber();
}

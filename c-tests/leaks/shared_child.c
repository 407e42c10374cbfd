// Two lost objects share a third.
// options: --leaks=full --leak-kinds=all
// expect: leaks
#include "clobber.h"
#include <stdlib.h>

static NOINLINE void work(void)
{
    void **first = malloc(8), **second = malloc(8), *shared = malloc(24); // <- leak: definite 16 bytes in 2 (+ 24 in 1), indirect 24 bytes in 1
    *first = shared;
    *second = shared;
}

int main(void)
{
    work();
    clobber();
}

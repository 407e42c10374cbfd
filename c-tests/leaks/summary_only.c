// With --leaks=summary objects are counted, and no place is told.
// options: --leaks=summary
// expect: leaks
// expect-told: nothing
#include "clobber.h"
#include <stdlib.h>

static char *inside;

static NOINLINE void work(void)
{
    *(char *)malloc(8) = 1; // <- leak: definite 8 bytes in 1
    inside = (char *)malloc(32) + 1; // <- leak: possible 32 bytes in 1
}

int main(void)
{
    work();
    clobber();
}

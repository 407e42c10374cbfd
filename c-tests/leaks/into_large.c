// Pointers into large objects, near their start and far from it.
// options: --leaks=full --leak-kinds=all
// expect: leaks
#include "clobber.h"
#include <stdlib.h>

static char *near, *far;

static NOINLINE void work(void)
{
    near = (char *)malloc(100000) + 100; // <- leak: possible 100000 bytes in 1
    far = (char *)malloc(3 << 20) + (2 << 20); // <- leak: possible 3145728 bytes in 1
}

int main(void)
{
    work();
    clobber();
}

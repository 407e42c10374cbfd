// Objects of some pages and of some megabytes; a pointer at the end of one leads on.
// options: --leaks=full --leak-kinds=all
// expect: leaks
#include "clobber.h"
#include <stdlib.h>

static void **kept;

static NOINLINE void work(void)
{
    *(char *)malloc(20000) = 1; // <- leak: definite 20000 bytes in 1
    *(char *)malloc(3 << 20) = 1; // <- leak: definite 3145728 bytes in 1
    kept = malloc(5 << 20); // <- leak: reachable 5242880 bytes in 1
    kept[(5 << 20) / 8 - 1] = malloc(40); // <- leak: reachable 40 bytes in 1
}

int main(void)
{
    work();
    clobber();
}

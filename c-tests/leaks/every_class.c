// One object of each class, and one that is freed.
// options: --leaks=full --leak-kinds=all
// expect: leaks
#include "clobber.h"
#include <stdlib.h>

static char *kept, *inside;

static NOINLINE void work(void)
{
    void **lost = malloc(8); // <- leak: definite 8 bytes in 1 (+ 16 in 1)
    *lost = malloc(16); // <- leak: indirect 16 bytes in 1
    inside = (char *)malloc(32) + 1; // <- leak: possible 32 bytes in 1
    kept = malloc(64); // <- leak: reachable 64 bytes in 1
    free(malloc(128));
}

int main(void)
{
    work();
    clobber();
}

// What a lost object shares with a reachable one is reachable.
// options: --leaks=full --leak-kinds=all
// expect: leaks
#include "clobber.h"
#include <stdlib.h>

static void *kept;

static NOINLINE void work(void)
{
    void **lost = malloc(8); // <- leak: definite 8 bytes in 1
    *lost = kept = malloc(24); // <- leak: reachable 24 bytes in 1
}

int main(void)
{
    work();
    clobber();
}

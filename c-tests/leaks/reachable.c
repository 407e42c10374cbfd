// A pointer to the start is left: nothing is lost.
// options: --leaks=full --leak-kinds=all
// expect: leaks
#include "clobber.h"
#include <stdlib.h>

static char *kept;

static NOINLINE void work(void)
{
    kept = malloc(40); // <- leak: reachable 40 bytes in 1
}

int main(void)
{
    work();
    clobber();
}

// What can be reached does not change the exit code, though it is told.
// options: --leaks=full --leak-kinds=all --error-exitcode=9
// expect: leaks
#include "clobber.h"
#include <stdlib.h>

static void *kept;

static NOINLINE void work(void)
{
    kept = malloc(40); // <- leak: reachable 40 bytes in 1
}

int main(void)
{
    work();
    clobber();
    return 3;
}

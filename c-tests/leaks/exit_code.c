// With --error-exitcode a leak decides the exit code.
// options: --leaks=full --error-exitcode=9
// expect: leaks
// expect-told: definite possible
// expect-exit: 9
#include "clobber.h"
#include <stdlib.h>

static NOINLINE void work(void)
{
    *(char *)malloc(40) = 1; // <- leak: definite 40 bytes in 1
}

int main(void)
{
    work();
    clobber();
    return 3;
}

// A stream that is not closed can be reached from libc's list of streams.
// options: --leaks=full --leak-kinds=all
// expect: leaks
#include "clobber.h"
#include <stdio.h>
#include <stdlib.h>

static NOINLINE void work(void)
{
    FILE *file = fopen("/dev/null", "r"); // <- leak: libc
    if (file == NULL)
        abort();
}

int main(void)
{
    work();
    clobber();
}

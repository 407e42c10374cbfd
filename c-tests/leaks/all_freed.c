// Everything is freed: there is nothing to tell.
// options: --leaks=full --leak-kinds=all
// expect: leaks
#include "clobber.h"
#include <stdio.h>
#include <stdlib.h>

static NOINLINE void work(void)
{
    for (int i = 0; i < 100; i++)
        free(malloc(i));
    puts("done");
}

int main(void)
{
    work();
    clobber();
}

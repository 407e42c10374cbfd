// What handlers at exit and destructors free is not lost.
// options: --leaks=full --leak-kinds=all
// expect: leaks
#include "clobber.h"
#include <stdlib.h>

static void *first, *second;

static void at_exit(void)
{
    free(first);
}

__attribute__((destructor)) static void end(void)
{
    free(second);
}

static NOINLINE void keep(void)
{
    first = malloc(40);
    second = malloc(50);
    atexit(at_exit);
}

int main(void)
{
    keep();
    clobber();
}

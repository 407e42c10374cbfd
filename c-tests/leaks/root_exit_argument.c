// The only pointer is the argument of a handler that runs at exit, and that frees nothing.
// options: --leaks=full --leak-kinds=all
// expect: leaks
#define _DEFAULT_SOURCE
#include "clobber.h"
#include <stdlib.h>

static void at_exit(int status, void *argument)
{
    (void)status, (void)argument;
}

static NOINLINE void keep(void)
{
    on_exit(at_exit, malloc(40)); // <- leak: reachable 40 bytes in 1
}

int main(void)
{
    keep();
    clobber();
}

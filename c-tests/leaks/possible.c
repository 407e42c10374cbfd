// The only pointer left is one into the object.
// options: --leaks=full --leak-kinds=all
// expect: leaks
#include "clobber.h"
#include <stdlib.h>

static char *end;

static NOINLINE void work(void)
{
    end = (char *)malloc(40) + 24; // <- leak: possible 40 bytes in 1
}

int main(void)
{
    work();
    clobber();
}

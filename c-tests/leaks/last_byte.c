// A pointer to the last byte is one into the object; one behind it is none.
// options: --leaks=full --leak-kinds=all
// expect: leaks
#include "clobber.h"
#include <stdlib.h>

static char *last, *behind;

static NOINLINE void work(void)
{
    last = (char *)malloc(40) + 39; // <- leak: possible 40 bytes in 1
    behind = (char *)malloc(40) + 40; // <- leak: definite 40 bytes in 1
}

int main(void)
{
    work();
    clobber();
}

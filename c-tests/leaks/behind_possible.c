// What is reached by its start, but only through an object that is possibly lost, is possibly lost.
// options: --leaks=full --leak-kinds=all
// expect: leaks
#include "clobber.h"
#include <stdlib.h>

static char *inside;

static NOINLINE void work(void)
{
    void **object = calloc(5, 8); // <- leak: possible 40 bytes in 1
    object[0] = malloc(24); // <- leak: possible 24 bytes in 1
    inside = (char *)object + 20;
}

int main(void)
{
    work();
    clobber();
}

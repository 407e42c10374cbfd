// An object with a pointer to itself is lost all the same.
// options: --leaks=full --leak-kinds=all
// expect: leaks
#include "clobber.h"
#include <stdlib.h>

static NOINLINE void work(void)
{
    void **object = malloc(40); // <- leak: definite 40 bytes in 1
    object[2] = object;
}

int main(void)
{
    work();
    clobber();
}

// The only pointer is a local variable of a function that has not returned.
// options: --leaks=full --leak-kinds=all
// expect: leaks
#include "clobber.h"
#include <stdlib.h>

static NOINLINE void *make(void)
{
    return malloc(40); // <- leak: reachable 40 bytes in 1
}

int main(void)
{
    void *volatile object = make();
    clobber();
    exit(object == NULL);
}

// The last pointer to an object is gone.
// options: --leaks=full --leak-kinds=all
// expect: leaks
#include "clobber.h"
#include <stdlib.h>

static NOINLINE void work(void)
{
    char *buffer = malloc(40); // <- leak: definite 40 bytes in 1
    buffer[0] = 1;
}

int main(void)
{
    work();
    clobber();
}

// realloc's result replaces the pointer, and one of two stays.
// options: --leaks=full --leak-kinds=all
// expect: leaks
#include "clobber.h"
#include <stdlib.h>

static char *kept;

static NOINLINE void work(void)
{
    char *buffer = malloc(10);
    buffer = realloc(buffer, 5000); // <- leak: definite 5000 bytes in 1
    buffer[4999] = 1;
    kept = malloc(10);
    kept = realloc(kept, 20); // <- leak: reachable 20 bytes in 1
}

int main(void)
{
    work();
    clobber();
}

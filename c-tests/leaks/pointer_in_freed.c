// A pointer in an object that is freed is none.
// options: --leaks=full --leak-kinds=all
// expect: leaks
#include "clobber.h"
#include <stdlib.h>

static void **kept;

static NOINLINE void work(void)
{
    kept = malloc(800);
    kept[50] = malloc(40); // <- leak: definite 40 bytes in 1
    free(kept);
}

int main(void)
{
    work();
    clobber();
}

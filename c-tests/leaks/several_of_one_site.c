// Objects of one allocation stack are told together.
// options: --leaks=full --leak-kinds=all
// expect: leaks
#include "clobber.h"
#include <stdlib.h>

static NOINLINE void work(void)
{
    for (int size = 1; size <= 10; size++)
        *(char *)malloc(size) = 1; // <- leak: definite 55 bytes in 10
}

int main(void)
{
    work();
    clobber();
}

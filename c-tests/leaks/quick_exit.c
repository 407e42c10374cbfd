// The process ends by quick_exit.
// options: --leaks=full --leak-kinds=all --leaks-at-quick-exit=yes
// expect: leaks
#include "clobber.h"
#include <stdlib.h>

static NOINLINE void work(void)
{
    *(char *)malloc(40) = 1; // <- leak: definite 40 bytes in 1
}

int main(void)
{
    work();
    clobber();
    quick_exit(3);
}

// The process ends by _exit, without its handlers; it is checked by choice.
// options: --leaks=full --leak-kinds=all --leaks-at-quick-exit=yes
// expect: leaks
#include "clobber.h"
#include <stdlib.h>
#include <unistd.h>

static NOINLINE void work(void)
{
    *(char *)malloc(40) = 1; // <- leak: definite 40 bytes in 1
}

int main(void)
{
    work();
    clobber();
    _exit(3);
}

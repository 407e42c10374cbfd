// Of objects that are not sampled nothing is recorded: their memory counts as the program's, and leads on.
// options: --leaks=full --leak-kinds=all --sample=1000000
// expect: leaks
// memcheck: sees all objects
#include "clobber.h"
#include <stdlib.h>

static NOINLINE void work(void)
{
    *(char *)malloc(40) = 1;
}

int main(void)
{
    work();
    clobber();
}

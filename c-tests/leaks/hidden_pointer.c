// A pointer that is stored in another form is not seen.
// options: --leaks=full --leak-kinds=all
// expect: leaks
#include "clobber.h"
#include <stdint.h>
#include <stdlib.h>

static uintptr_t hidden;

static NOINLINE void work(void)
{
    hidden = ~(uintptr_t)malloc(40); // <- leak: definite 40 bytes in 1
}

int main(void)
{
    work();
    clobber();
}

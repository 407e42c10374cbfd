// A pointer at an address that is no multiple of its size is not seen, as by Memcheck.
// options: --leaks=full --leak-kinds=all
// expect: leaks
#include "clobber.h"
#include <stdlib.h>

static char room[32];

static NOINLINE void work(void)
{
    void *object = malloc(40); // <- leak: definite 40 bytes in 1
    memcpy(room + 5, &object, sizeof object);
}

int main(void)
{
    work();
    clobber();
    return room[0];
}

// An object that begins with its length, and a pointer to what follows: as some libraries give out memory.
// options: --leaks=full --leak-kinds=all
// expect: leaks
#include "clobber.h"
#include <stdint.h>
#include <stdlib.h>

static char *kept;

static NOINLINE char *give(uint64_t bytes)
{
    uint64_t *object = malloc(8 + bytes); // <- leak: reachable 48 bytes in 1
    *object = bytes;
    return (char *)(object + 1);
}

int main(void)
{
    kept = give(40);
    clobber();
}

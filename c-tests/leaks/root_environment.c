// The only pointer is in the environment. Memcheck has libc free the array of it first, unless it is told otherwise.
// options: --leaks=full --leak-kinds=all
// expect: leaks
// memcheck: --run-libc-freeres=no
#define _DEFAULT_SOURCE
#include "clobber.h"
#include <stdlib.h>

static NOINLINE void keep(void)
{
    char *entry = malloc(12); // <- leak: reachable 12 bytes in 1
    strcpy(entry, "LEAKS=here");
    putenv(entry); // <- leak: libc
}

int main(void)
{
    keep();
    clobber();
}

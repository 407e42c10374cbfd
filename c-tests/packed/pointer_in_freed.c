// A function pointer read from a packed object that was freed.
// expect: SEGV
// expect-access: EXECUTE
// expect-place: no address that a program can have: a pointer read from a freed object, most likely; fencepost fills these with df
// options: --memory-limit 1
#include "spend.h"
#include <stdlib.h>

struct handler {
    int (*call)(void);
};

int main(void)
{
    spend();
    struct handler *volatile handler = malloc(sizeof *handler);
    free(handler);
    int (*call)(void) = handler->call;
    return call(); // <- access in main
}

// A function pointer read from a freed object that waits.
// expect: SEGV
// expect-access: EXECUTE
// expect-place: no address that a program can have: a pointer read from a freed object, most likely; fencepost fills these with df
// options: --revoke=batch
#include <stdlib.h>

struct handler {
    int (*call)(void);
};

int main(void)
{
    struct handler *volatile handler = malloc(sizeof *handler);
    free(handler);
    int (*call)(void) = handler->call;
    return call(); // <- access in main
}

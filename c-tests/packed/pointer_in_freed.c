// A function pointer read from a packed object that was freed.
// expect: SEGV
// expect-access: EXECUTE
// expect-place: no address that a program can have: a pointer read from a freed object, most likely; fencepost fills these with df
// options: --memory-limit 1
#include <stdlib.h>

/* Takes all the memory for objects with pages of their own. */
static void spend(void)
{
    static void *volatile spent[400];
    for (int i = 0; i < 400; i++)
        spent[i] = malloc(8);
}

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

// A string in a packed object that was freed.
// expect: heap-use-after-free
// expect-access: READ of size *
// expect-exit: SIGABRT
// expect-place: located 0 bytes inside of 30-byte region
// options: --memory-limit 1
#include <stdlib.h>
#include <string.h>

/* Takes all the memory for objects with pages of their own. */
static void spend(void)
{
    static void *volatile spent[400];
    for (int i = 0; i < 400; i++)
        spent[i] = malloc(8);
}

int main(void)
{
    spend();
    char *volatile p = calloc(1, 30); // <- allocated in main
    free(p); // <- freed in main
    return (int)strlen(p); // <- access in main
}

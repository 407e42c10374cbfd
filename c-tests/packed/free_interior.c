// A free of an address inside of a packed object.
// expect: bad-free
// expect-place: located 8 bytes inside of 48-byte region
// options: --memory-limit 1
#include <stdlib.h>

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
    char *volatile p = malloc(48); // <- allocated in main
    free(p + 8); // <- called in main
    return 0;
}

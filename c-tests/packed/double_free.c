// A packed object freed twice.
// expect: double-free
// expect-place: located 0 bytes inside of 32-byte region
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
    void *volatile p = malloc(32); // <- allocated in main
    free(p); // <- freed in main
    free(p); // <- called in main
    return 0;
}

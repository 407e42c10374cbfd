// A packed object from new, passed to free.
// expect: alloc-dealloc-mismatch
// expect-place: located 0 bytes inside of 24-byte region
// options: --memory-limit 1
#include <stdlib.h>

/* Takes all the memory for objects with pages of their own. */
static void spend(void)
{
    static void *volatile spent[400];
    for (int i = 0; i < 400; i++)
        spent[i] = malloc(8);
}

int main()
{
    spend();
    char *p = new char[24]; // <- allocated in main (any frame)
    free(p); // <- called in main
    return 0;
}

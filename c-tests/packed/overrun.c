// One byte after a packed object, found at free.
// expect: overwritten-slack
// expect-found: by free here
// expect-place: located 0 bytes after 16-byte region
// expect-note: hint: the object had no pages of its own: to stop at the write itself, run with a larger --memory-limit, or without --budget
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
    char *p = malloc(16); // <- allocated in main
    p[16] = 'x';
    free(p); // <- called in main
    return 0;
}

// Writes through a pointer to a buffer that was grown 100,000 times since, and moved a few times on the way.
// expect: heap-use-after-free
// expect-access: WRITE of size 1
// expect-place: located 4999 bytes inside of *-byte region

#include <stdlib.h>

static char *grow(char *p, size_t from, size_t to)
{
    for (size_t n = from + 1; n <= to; n++)
        p = realloc(p, n); // <- freed in grow
    return p;
}

int main(void)
{
    char *stale = NULL;
    for (size_t n = 1; n <= 5000; n++)
        stale = realloc(stale, n);
    stale = realloc(stale, 5001); // <- allocated in main
    // To twice the size at once: it moves.
    char *p = grow(stale, 20000, 120000);
    ((volatile char *)stale)[4999] = 2; // <- access in main
    free(p);
    return 0;
}

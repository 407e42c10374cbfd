// bsearch is told one element too many.
// options: --check-calls=no
// expect: heap-buffer-overflow
// expect-access: READ of size 8
// expect-place: located 0 bytes after 32-byte region
#include <stdlib.h>

static int compare(const void *key, const void *element)
{
    long wanted = *(const long *)key;
    long found = *(const long *)element; // <- access in compare
    return wanted < found ? -1 : wanted > found;
}

int main(void)
{
    long key = 100;
    long *sorted = malloc(4 * sizeof *sorted); // <- allocated in main
    for (int i = 0; i < 4; i++)
        sorted[i] = i;
    bsearch(&key, sorted, 5, sizeof *sorted, compare); // <- access in main (any frame)
    return 0;
}

// An array grows to a million bytes, one byte at a time.
// expect: clean

#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    char *p = NULL;
    for (size_t n = 1; n <= 1000000; n++) {
        p = realloc(p, n);
        p[n - 1] = (char)(n * 7);
    }
    size_t wrong = 0;
    for (size_t n = 1; n <= 1000000; n++)
        wrong += p[n - 1] != (char)(n * 7);
    free(p);
    printf("%zu wrong\n", wrong);
    return 0;
}

// A write just behind a buffer that was grown 20,000 times is found when it grows again.
// expect: overwritten-slack
// expect-found: by realloc here
// expect-place: located 0 bytes after 20000-byte region

#include <stdlib.h>

int main(void)
{
    char *p = NULL;
    for (size_t n = 1; n <= 20000; n++)
        p = realloc(p, n); // <- allocated in main
    ((volatile char *)p)[20000] = 1;
    p = realloc(p, 20001); // <- called in main
    free(p);
    return 0;
}

// A buffer that was grown 20,000 times is followed by a page that faults: at most one page behind its end.
// expect: heap-buffer-overflow
// expect-access: WRITE of size 1
// expect-place: located 4095 bytes after 20000-byte region

#include <stdlib.h>

int main(void)
{
    char *p = NULL;
    for (size_t n = 1; n <= 20000; n++)
        p = realloc(p, n); // <- allocated in main
    ((volatile char *)p)[24095] = 1; // <- access in main
    free(p);
    return 0;
}

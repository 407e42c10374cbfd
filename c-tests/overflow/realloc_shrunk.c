// After realloc to a smaller size the old end is out of bounds.
// expect: heap-buffer-overflow
// expect-access: WRITE of size 1
// expect-place: located 64 bytes after 32-byte region
#include <stdlib.h>

int main(void)
{
    char *p = malloc(96);
    p = realloc(p, 32); // <- allocated in main
    p[96] = 1; // <- access in main
    return 0;
}

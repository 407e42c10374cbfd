// The object that realloc made is the one that overflows.
// expect: heap-buffer-overflow
// expect-access: WRITE of size 1
// expect-place: located 0 bytes after 96-byte region
#include <stdlib.h>

int main(void)
{
    char *p = malloc(48);
    p = realloc(p, 96); // <- allocated in main
    p[95] = 1;
    p[96] = 1; // <- access in main
    return 0;
}

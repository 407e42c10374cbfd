// Placement exact: an object of 13 bytes has no slack, so the first byte after it faults.
// options: --placement exact
// expect: heap-buffer-overflow
// expect-access: WRITE of size 1
// expect-place: located 0 bytes after 13-byte region
#include <stdlib.h>

int main(void)
{
    char *p = malloc(13); // <- allocated in main
    p[12] = 1;
    p[13] = 1; // <- access in main
    return 0;
}

// Placement exact: an object of 1 byte has no slack, so the first byte after it faults.
// options: --placement exact
// expect: heap-buffer-overflow
// expect-access: WRITE of size 1
// expect-place: located 0 bytes after 1-byte region
#include <stdlib.h>

int main(void)
{
    char *p = malloc(1); // <- allocated in main
    p[0] = 1;
    p[1] = 1; // <- access in main
    return 0;
}

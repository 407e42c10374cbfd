// Placement exact: an object of 40 bytes has no slack, so the first byte after it faults.
// options: --placement exact
// expect: heap-buffer-overflow
// expect-access: WRITE of size 1
// expect-place: located 0 bytes after 40-byte region
#include <stdlib.h>

int main(void)
{
    char *p = malloc(40); // <- allocated in main
    p[39] = 1;
    p[40] = 1; // <- access in main
    return 0;
}

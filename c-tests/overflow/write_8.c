// A write of 8 bytes right after the object.
// expect: heap-buffer-overflow
// expect-access: WRITE of size 8
// expect-place: located 0 bytes after 48-byte region
#include <stdlib.h>

int main(void)
{
    unsigned long *p = malloc(48); // <- allocated in main
    p[5] = 1;
    p[6] = 1; // <- access in main
    return 0;
}

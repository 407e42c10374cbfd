// A read of 2 bytes right after the object.
// expect: heap-buffer-overflow
// expect-access: READ of size 2
// expect-place: located 0 bytes after 48-byte region
#include <stdlib.h>

int main(void)
{
    unsigned short *p = malloc(48); // <- allocated in main
    p[23] = 1;
    return p[24]; // <- access in main
}

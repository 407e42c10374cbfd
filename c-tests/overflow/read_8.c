// A read of 8 bytes right after the object.
// expect: heap-buffer-overflow
// expect-access: READ of size 8
// expect-place: located 0 bytes after 48-byte region
#include <stdlib.h>

int main(void)
{
    unsigned long *p = malloc(48); // <- allocated in main
    p[5] = 1;
    return p[6]; // <- access in main
}

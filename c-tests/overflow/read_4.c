// A read of 4 bytes right after the object.
// expect: heap-buffer-overflow
// expect-access: READ of size 4
// expect-place: located 0 bytes after 48-byte region
#include <stdlib.h>

int main(void)
{
    unsigned int *p = malloc(48); // <- allocated in main
    p[11] = 1;
    return p[12]; // <- access in main
}

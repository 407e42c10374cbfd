// A read of 1 byte right after the object.
// expect: heap-buffer-overflow
// expect-access: READ of size 1
// expect-place: located 0 bytes after 48-byte region
#include <stdlib.h>

int main(void)
{
    unsigned char *p = malloc(48); // <- allocated in main
    p[47] = 1;
    return p[48]; // <- access in main
}

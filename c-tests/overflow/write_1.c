// A write of 1 byte right after the object.
// expect: heap-buffer-overflow
// expect-access: WRITE of size 1
// expect-place: located 0 bytes after 48-byte region
#include <stdlib.h>

int main(void)
{
    unsigned char *p = malloc(48); // <- allocated in main
    p[47] = 1;
    p[48] = 1; // <- access in main
    return 0;
}

// A write right after the free, 40 bytes into the object.
// expect: heap-use-after-free
// expect-access: WRITE of size 8
// expect-place: located 40 bytes inside of 48-byte region
#include <stdlib.h>

int main(void)
{
    long *p = malloc(48); // <- allocated in main
    free(p); // <- freed in main
    p[5] = 1; // <- access in main
    return 0;
}

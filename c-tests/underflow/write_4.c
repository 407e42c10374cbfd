// A write of 4 bytes right before the object.
// options: --placement left
// expect: heap-buffer-underflow
// expect-access: WRITE of size 4
// expect-place: located 4 bytes before 48-byte region
#include <stdlib.h>

int main(void)
{
    int *p = malloc(48); // <- allocated in main
    p[0] = 1;
    p[-1] = 1; // <- access in main
    return 0;
}

// A read of 8 bytes right before the object.
// options: --placement left
// expect: heap-buffer-underflow
// expect-access: READ of size 8
// expect-place: located 8 bytes before 48-byte region
#include <stdlib.h>

int main(void)
{
    long *p = malloc(48); // <- allocated in main
    p[0] = 1;
    return (int)p[-1]; // <- access in main
}

// A read of 1 byte right before the object.
// options: --placement left
// expect: heap-buffer-underflow
// expect-access: READ of size 1
// expect-place: located 1 byte before 48-byte region
#include <stdlib.h>

int main(void)
{
    char *p = malloc(48); // <- allocated in main
    p[0] = 1;
    return (int)p[-1]; // <- access in main
}

// A write 64 bytes before the start.
// options: --placement left
// expect: heap-buffer-underflow
// expect-access: WRITE of size 4
// expect-place: located 64 bytes before 48-byte region
#include <stdlib.h>

int main(void)
{
    int *p = malloc(48); // <- allocated in main
    p[-16] = 1; // <- access in main
    return 0;
}

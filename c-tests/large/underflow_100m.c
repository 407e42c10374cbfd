// The word before an object of 100 MB.
// options: --placement left
// expect: heap-buffer-underflow
// expect-access: WRITE of size 8
// expect-place: located 8 bytes before 104857600-byte region
#include <stdlib.h>

int main(void)
{
    long *p = malloc(100 << 20); // <- allocated in main
    p[-1] = 1; // <- access in main
    return 0;
}

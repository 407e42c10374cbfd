// One element after a large calloc'ed array, which reads as zeros.
// expect: heap-buffer-overflow
// expect-access: READ of size 8
// expect-place: located 0 bytes after 800000-byte region
#include <stdlib.h>

int main(void)
{
    long *p = calloc(100000, sizeof(long)); // <- allocated in main
    long sum = 0;
    for (int i = 0; i <= 100000; i++)
        sum += p[i]; // <- access in main
    return (int)sum;
}

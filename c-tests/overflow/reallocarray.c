// One element after an array made by reallocarray.
// expect: heap-buffer-overflow
// expect-access: WRITE of size 8
// expect-place: located 0 bytes after 160-byte region
#define _GNU_SOURCE
#include <stdlib.h>

int main(void)
{
    long *p = reallocarray(NULL, 20, sizeof(long)); // <- allocated in main
    p[20] = 1; // <- access in main
    return 0;
}

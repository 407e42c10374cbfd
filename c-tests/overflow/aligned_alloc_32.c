// An object of aligned_alloc, alignment 32.
// expect: heap-buffer-overflow
// expect-access: WRITE of size 1
// expect-place: located 0 bytes after 96-byte region
#define _GNU_SOURCE
#include <malloc.h>
#include <stdlib.h>

int main(void)
{
    char *p;
    p = aligned_alloc(32, 96); // <- allocated in main
    p[96 - 1] = 1;
    p[96] = 1; // <- access in main
    return 0;
}

// An object of posix_memalign, alignment 64 KiB.
// expect: heap-buffer-overflow
// expect-access: WRITE of size 1
// expect-place: located 0 bytes after 65536-byte region
#define _GNU_SOURCE
#include <malloc.h>
#include <stdlib.h>

int main(void)
{
    char *p;
    posix_memalign((void **)&p, 65536, 65536); // <- allocated in main
    p[65536 - 1] = 1;
    p[65536] = 1; // <- access in main
    return 0;
}

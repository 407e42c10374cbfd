// An object of posix_memalign, alignment 16.
// expect: heap-buffer-overflow
// expect-access: WRITE of size 1
// expect-place: located 0 bytes after 48-byte region
#define _GNU_SOURCE
#include <malloc.h>
#include <stdlib.h>

int main(void)
{
    char *p;
    posix_memalign((void **)&p, 16, 48); // <- allocated in main
    p[48 - 1] = 1;
    p[48] = 1; // <- access in main
    return 0;
}

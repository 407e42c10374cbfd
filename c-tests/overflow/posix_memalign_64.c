// An object of posix_memalign, alignment 64.
// expect: heap-buffer-overflow
// expect-access: WRITE of size 1
// expect-place: located 0 bytes after 192-byte region
#define _GNU_SOURCE
#include <malloc.h>
#include <stdlib.h>

int main(void)
{
    char *p;
    posix_memalign((void **)&p, 64, 192); // <- allocated in main
    p[192 - 1] = 1;
    p[192] = 1; // <- access in main
    return 0;
}

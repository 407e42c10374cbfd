// An object of posix_memalign that is one page.
// expect: heap-buffer-overflow
// expect-access: WRITE of size 1
// expect-place: located 0 bytes after 4096-byte region
#define _GNU_SOURCE
#include <malloc.h>
#include <stdlib.h>

int main(void)
{
    char *p;
    posix_memalign((void **)&p, 4096, 4096); // <- allocated in main
    p[4096 - 1] = 1;
    p[4096] = 1; // <- access in main
    return 0;
}

// An object of valloc: two whole pages.
// expect: heap-buffer-overflow
// expect-access: WRITE of size 1
// expect-place: located 0 bytes after 8192-byte region
#define _GNU_SOURCE
#include <malloc.h>
#include <stdlib.h>

int main(void)
{
    char *p;
    p = valloc(8192); // <- allocated in main
    p[8192 - 1] = 1;
    p[8192] = 1; // <- access in main
    return 0;
}

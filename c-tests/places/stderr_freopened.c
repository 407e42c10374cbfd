// A stream takes descriptor 2 away by a call that nobody sees.
// expect: heap-use-after-free
// expect-access: READ of size 1
// expect-place: located 3 bytes inside of 24-byte region
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    volatile char *p = malloc(24); // <- allocated in main
    free((void *)p); // <- freed in main
    if (!freopen("/dev/null", "w", stderr))
        return 2;
    return p[3]; // <- access in main
}

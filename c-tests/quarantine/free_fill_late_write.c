// A late write is found by the byte that the user asked for.
// expect: heap-use-after-free
// expect-place: located 5 bytes inside of 48-byte region
// expect-found: at exit
// expect-note: 1 bytes from offset 5 of the object hold df instead of the junk a5
// options: --revoke=batch --free-fill 165
#include <stdlib.h>

int main(void)
{
    volatile unsigned char *p = malloc(48); // <- allocated in main
    free((void *)p); // <- freed in main
    p[5] = 0xdf;
    return 0;
}

// The last byte of an odd-sized object.
// expect: heap-use-after-free
// expect-access: READ of size 1
// expect-place: located 12 bytes inside of 13-byte region
#include <stdlib.h>

int main(void)
{
    char *p = malloc(13); // <- allocated in main
    free(p); // <- freed in main
    return p[12]; // <- access in main
}

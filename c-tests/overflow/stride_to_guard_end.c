// The last byte of the guard page.
// expect: heap-buffer-overflow
// expect-access: READ of size 1
// expect-place: located 4095 bytes after 48-byte region
#include <stdlib.h>

int main(void)
{
    char *p = malloc(48); // <- allocated in main
    return p[48 + 4095]; // <- access in main
}

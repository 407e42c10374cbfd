// The first byte after an object of 100 MB of which one page was ever touched.
// expect: heap-buffer-overflow
// expect-access: READ of size 1
// expect-place: located 0 bytes after 104857600-byte region
#include <stdlib.h>

int main(void)
{
    char *p = malloc(100 << 20); // <- allocated in main
    p[50 << 20] = 1;
    return p[100 << 20]; // <- access in main
}

// Objects of up to 8 bytes are aligned to 8: nothing lies between them and the guard.
// expect: heap-buffer-overflow
// expect-access: READ of size 8
// expect-place: located 0 bytes after 8-byte region
#include <stdlib.h>

int main(void)
{
    long *p = malloc(8); // <- allocated in main
    *p = 1;
    return (int)p[1]; // <- access in main
}

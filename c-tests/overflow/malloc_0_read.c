// malloc(0) gives an object that has no byte to read.
// expect: heap-buffer-overflow
// expect-access: READ of size 1
// expect-place: located 0 bytes after 0-byte region
#include <stdlib.h>

int main(void)
{
    char *p = malloc(0); // <- allocated in main
    return p[0]; // <- access in main
}

// malloc(0) gives an object that has no byte to write.
// expect: heap-buffer-overflow
// expect-access: WRITE of size 1
// expect-place: located 0 bytes after 0-byte region
#include <stdlib.h>

int main(void)
{
    char *p = malloc(0); // <- allocated in main
    p[0] = 1; // <- access in main
    return 0;
}

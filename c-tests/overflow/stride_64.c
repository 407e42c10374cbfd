// A write 64 bytes after the end.
// expect: heap-buffer-overflow
// expect-access: WRITE of size 1
// expect-place: located 64 bytes after 48-byte region
#include <stdlib.h>

int main(void)
{
    char *p = malloc(48); // <- allocated in main
    p[48 + 64] = 1; // <- access in main
    return 0;
}

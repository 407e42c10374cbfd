// The first byte after an object of 100 KB.
// expect: heap-buffer-overflow
// expect-access: WRITE of size 1
// expect-place: located 0 bytes after 102400-byte region
#include <stdlib.h>
#include <string.h>

int main(void)
{
    char *p = malloc(102400); // <- allocated in main
    memset(p, 1, 102400);
    p[102400] = 1; // <- access in main
    return 0;
}

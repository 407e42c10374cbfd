// The first byte after an object of 100,000 bytes.
// expect: heap-buffer-overflow
// expect-access: WRITE of size 1
// expect-place: located 0 bytes after 100000-byte region
#include <stdlib.h>
#include <string.h>

int main(void)
{
    char *p = malloc(100000); // <- allocated in main
    memset(p, 1, 100000);
    p[100000] = 1; // <- access in main
    return 0;
}

// A little more than two pages: the sizes between slots of one page and large objects.
// expect: heap-buffer-overflow
// expect-access: READ of size 1
// expect-place: located 0 bytes after 8208-byte region
#include <stdlib.h>

int main(void)
{
    char *p = malloc(8208); // <- allocated in main
    p[0] = p[8207] = 1;
    return p[8208]; // <- access in main
}

// The last byte of an object of 100 MB, after its free and another 100 MB.
// expect: heap-use-after-free
// expect-access: WRITE of size 1
// expect-place: located 104857599 bytes inside of 104857600-byte region
#include <stdlib.h>

int main(void)
{
    char *p = malloc(100 << 20); // <- allocated in main
    p[0] = 1;
    free(p); // <- freed in main
    char *other = malloc(100 << 20);
    other[0] = 1;
    p[(100 << 20) - 1] = 1; // <- access in main
    return 0;
}

// The middle of an object of 100 KB, after its free.
// expect: heap-use-after-free
// expect-access: READ of size 1
// expect-place: located 50000 bytes inside of 102400-byte region
#include <stdlib.h>

int main(void)
{
    char *p = malloc(102400); // <- allocated in main
    p[50000] = 1;
    free(p); // <- freed in main
    return p[50000]; // <- access in main
}

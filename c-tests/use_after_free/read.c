// A read right after the free.
// expect: heap-use-after-free
// expect-access: READ of size 4
// expect-place: located 0 bytes inside of 48-byte region
#include <stdlib.h>

int main(void)
{
    int *p = malloc(48); // <- allocated in main
    *p = 5;
    free(p); // <- freed in main
    return *p; // <- access in main
}

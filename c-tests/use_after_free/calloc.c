// A calloc'ed object, read after its free.
// expect: heap-use-after-free
// expect-access: READ of size 4
// expect-place: located 76 bytes inside of 80-byte region
#include <stdlib.h>

int main(void)
{
    int *p = calloc(20, sizeof(int)); // <- allocated in main
    free(p); // <- freed in main
    return p[19]; // <- access in main
}

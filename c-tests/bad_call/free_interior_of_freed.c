// A pointer into an object is freed after the object itself.
// expect: bad-free
// expect-place: located 8 bytes inside of 32-byte region
#include <stdlib.h>

int main(void)
{
    char *p = malloc(32); // <- allocated in main
    free(p); // <- freed in main
    free(p + 8); // <- called in main
    return 0;
}

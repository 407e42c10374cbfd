// A pointer into the middle of a live object is freed.
// expect: bad-free
// expect-place: * 8 bytes inside of 32-byte region
#include <stdlib.h>

int main(void)
{
    char *p = malloc(32); // <- allocated in main
    free(p + 8); // <- called in main
    return 0;
}

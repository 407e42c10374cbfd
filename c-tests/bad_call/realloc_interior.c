// A pointer into the middle of an object is given to realloc.
// expect: bad-free
// expect-call: realloc
// expect-place: * 16 bytes inside of 48-byte region
#include <stdlib.h>

int main(void)
{
    char *p = malloc(48); // <- allocated in main
    p = realloc(p + 16, 128); // <- called in main
    return p != NULL;
}

// memcpy within an object, by one byte.
// expect: memcpy-param-overlap
// expect-call: memcpy
// expect-place: located 1 byte inside of 32-byte region
// expect-note: in a call of memcpy: destination * and source * overlap
#include <stdlib.h>
#include <string.h>

int main(void)
{
    char *p = calloc(32, 1); // <- allocated in main
    memcpy(p + 1, p, 8); // <- called in main
    return 0;
}

// The classic way to strip a leading blank.
// expect: strcpy-param-overlap
// expect-call: strcpy
// expect-place: located 0 bytes inside of 32-byte region
#include <stdlib.h>
#include <string.h>

int main(void)
{
    char *p = calloc(32, 1); // <- allocated in main
    memcpy(p, " text", 6);
    strcpy(p, p + 1); // <- called in main
    return 0;
}

// memcpy within an object, by one byte.
// expect: memcpy-param-overlap
// expect-call: memcpy
// expect-place: located 1 byte inside of 32-byte region
// expect-sentence: memcpy was given a destination and a source of * that overlap: the source begins 1 byte before the destination
#include <stdlib.h>
#include <string.h>

int main(void)
{
    char *p = calloc(32, 1); // <- allocated in main
    memcpy(p + 1, p, 8); // <- called in main
    return 0;
}

// A string is appended to itself.
// expect: strncat-param-overlap
// expect-call: strncat
// expect-place: located 0 bytes inside of 32-byte region
#include <stdlib.h>
#include <string.h>

int main(void)
{
    char *p = calloc(32, 1); // <- allocated in main
    memcpy(p, "text", 5);
    strncat(p, p, 10); // <- called in main
    return 0;
}

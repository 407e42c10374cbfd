// A read of the bytes that alignment leaves behind an object. Not seen; placement exact leaves none.
// expect: clean
#include <stdlib.h>

int main(void)
{
    volatile char *p = malloc(13);
    char found = p[13];
    (void)found;
    return 0;
}

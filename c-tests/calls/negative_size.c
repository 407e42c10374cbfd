// A length of -1 becomes a huge size.
// expect: negative-size-param
// expect-call: memset
// expect-place: located 0 bytes inside of 32-byte region
// expect-sentence: memset was given the size 0xffffffffffffffff, or -1
#include <stdlib.h>
#include <string.h>

static long length = -1;

int main(void)
{
    char *p = malloc(32); // <- allocated in main
    memset(p, 0, length); // <- called in main
    return 0;
}

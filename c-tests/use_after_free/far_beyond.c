// An index into a freed object is far too large: the nearest object is named, and said to be a guess.
// expect: heap-use-after-free
// expect-access: WRITE of size 1
// expect-place: located 8200 bytes after 64-byte region
// expect-note: this is a guess: that region is the nearest, and it is not near
#include <stdlib.h>

int main(void)
{
    char *volatile p = malloc(64); // <- allocated in main
    free(p); // <- freed in main
    p[64 + 8200] = 1; // <- access in main
    return 0;
}

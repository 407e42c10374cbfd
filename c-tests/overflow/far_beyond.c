// An index is far too large: the nearest object is named, and said to be a guess.
// expect: heap-buffer-overflow
// expect-access: WRITE of size 1
// expect-place: located 5000 bytes after 64-byte region
// expect-note: this is a guess: that region is the nearest, and it is not near
#include <stdlib.h>

int main(void)
{
    char *p = malloc(64); // <- allocated in main
    p[64 + 5000] = 1; // <- access in main
    return 0;
}

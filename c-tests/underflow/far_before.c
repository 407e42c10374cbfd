// An index is far below zero: the nearest object is named, and said to be a guess.
// expect: heap-buffer-underflow
// expect-access: READ of size 1
// expect-place: located 10000 bytes before 48000-byte region
// expect-note: this is a guess: that region is the nearest, and it is not near
#include <stdlib.h>

int main(void)
{
    char *volatile p = malloc(48000); // <- allocated in main
    return p[-10000]; // <- access in main
}

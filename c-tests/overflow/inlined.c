// An access inlined into its caller appears as a frame of its own.
// cflags: -O2
// expect: heap-buffer-overflow
// expect-access: WRITE of size 4
// expect-place: located 0 bytes after 64-byte region
#include <stdlib.h>

__attribute__((always_inline)) static inline void store(volatile int *where, int value)
{
    *where = value; // <- access in store
}

__attribute__((noipa)) static void outer(int *numbers, int index)
{
    store(numbers + index, 7); // <- access in outer (frame 1)
}

int main(void)
{
    int *volatile numbers = malloc(64); // <- allocated in main
    outer(numbers, 16); // <- access in main (frame 2)
    return 0;
}

// An object from aligned_alloc is given to free_sized.
// expect: free-size-mismatch
// expect-call: free_sized
// expect-place: located 0 bytes inside of 128-byte region
// expect-note: the object was allocated with an alignment of 64, but free_sized was told no alignment
#include <stdlib.h>

void free_sized(void *p, size_t size) __attribute__((weak)); // C23

int main(void)
{
    char *p = aligned_alloc(64, 128); // <- allocated in main
    free_sized(p, 128); // <- called in main
    return 0;
}

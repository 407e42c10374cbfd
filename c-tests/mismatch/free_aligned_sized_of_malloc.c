// An object from malloc is given to free_aligned_sized.
// expect: free-size-mismatch
// expect-call: free_aligned_sized
// expect-place: located 0 bytes inside of 128-byte region
// expect-note: the object was allocated with no alignment, but free_aligned_sized was told an alignment of 64
#include <stdlib.h>

void free_aligned_sized(void *p, size_t alignment, size_t size) __attribute__((weak)); // C23

int main(void)
{
    char *p = malloc(128); // <- allocated in main
    free_aligned_sized(p, 64, 128); // <- called in main
    return 0;
}

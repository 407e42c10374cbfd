// free_aligned_sized is told twice the alignment.
// expect: free-size-mismatch
// expect-call: free_aligned_sized
// expect-place: located 0 bytes inside of 128-byte region
// expect-note: the object was allocated with an alignment of 64, but free_aligned_sized was told an alignment of 128
#include <stdlib.h>

void free_aligned_sized(void *p, size_t alignment, size_t size) __attribute__((weak)); // C23

int main(void)
{
    char *p = aligned_alloc(64, 128); // <- allocated in main
    free_aligned_sized(p, 128, 128); // <- called in main
    return 0;
}

// free_aligned_sized is told another size.
// expect: free-size-mismatch
// expect-call: free_aligned_sized
// expect-place: located 0 bytes inside of 128-byte region
// expect-note: the object has 128 bytes, but free_aligned_sized was told 64
#include <stdlib.h>

void free_aligned_sized(void *p, size_t alignment, size_t size) __attribute__((weak)); // C23

int main(void)
{
    char *p = aligned_alloc(64, 128); // <- allocated in main
    free_aligned_sized(p, 64, 64); // <- called in main
    return 0;
}

// free_sized is told one byte less than was asked for.
// expect: free-size-mismatch
// expect-call: free_sized
// expect-place: located 0 bytes inside of 40-byte region
// expect-note: the object has 40 bytes, but free_sized was told 39
#include <stdlib.h>

void free_sized(void *p, size_t size) __attribute__((weak)); // C23

int main(void)
{
    char *p = malloc(40); // <- allocated in main
    free_sized(p, 39); // <- called in main
    return 0;
}

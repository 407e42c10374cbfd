// posix_memalign is asked for less than the alignment of a pointer.
// options: --bad-requests report
// expect: invalid-posix-memalign-alignment
// expect-call: posix_memalign
// expect-place: posix_memalign was asked for an alignment of 4, which is no power of two that sizeof(void *) divides
#include <stdlib.h>

int main(void)
{
    void *p;
    return posix_memalign(&p, 4, 16); // <- called in main
}

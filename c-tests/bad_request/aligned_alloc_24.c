// aligned_alloc is asked for an alignment that is no power of two.
// options: --bad-requests report
// expect: invalid-aligned-alloc-alignment
// expect-call: aligned_alloc
// expect-place: aligned_alloc was asked for an alignment of 24, which is no power of two
#include <stdlib.h>

int main(void)
{
    return aligned_alloc(24, 48) == NULL; // <- called in main
}

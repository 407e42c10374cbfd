// memalign is asked for an alignment that is no power of two.
// options: --bad-requests report
// expect: invalid-allocation-alignment
// expect-call: memalign
// expect-place: memalign was asked for an alignment of 24, which is no power of two
#include <malloc.h>

int main(void)
{
    return memalign(24, 48) == NULL; // <- called in main
}

// The size overflows when it is rounded up to whole pages.
// options: --bad-requests report
// expect: pvalloc-overflow
// expect-call: pvalloc
// expect-place: pvalloc was asked for 18446744073709551615 bytes: *
#include <stdlib.h>

void *pvalloc(size_t size);

int main(void)
{
    return pvalloc((size_t)-1) != NULL; // <- called in main
}

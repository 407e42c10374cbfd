// The product of calloc's arguments overflows.
// options: --bad-requests report
// expect: calloc-overflow
// expect-call: calloc
// expect-place: calloc was asked for 9223372036854775808 times 2 bytes: the product overflows
#include <stdlib.h>

int main(void)
{
    volatile size_t half = (size_t)-1 / 2 + 1;
    return calloc(half, 2) != NULL; // <- called in main
}

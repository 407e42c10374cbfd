// The product of reallocarray's arguments overflows.
// options: --bad-requests report
// expect: reallocarray-overflow
// expect-call: reallocarray
// expect-place: reallocarray was asked for 4294967296 times 4294967296 bytes: the product overflows
#define _DEFAULT_SOURCE
#include <stdlib.h>

int main(void)
{
    volatile size_t count = (size_t)1 << 32;
    char *p = malloc(10);
    return reallocarray(p, count, count) != NULL; // <- called in main
}

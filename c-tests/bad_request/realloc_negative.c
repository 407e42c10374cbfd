// A negative size is given to realloc.
// options: --bad-requests report
// expect: allocation-size-too-big
// expect-call: realloc
// expect-place: realloc was asked for 18446744073709551615 bytes (-1 if signed): too many
#include <stdlib.h>

int main(void)
{
    char *p = malloc(10);
    volatile long size = -1;
    return realloc(p, size) != NULL; // <- called in main
}

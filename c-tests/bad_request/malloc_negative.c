// A negative size is given to malloc.
// options: --bad-requests report
// expect: allocation-size-too-big
// expect-call: malloc
// expect-place: malloc was asked for 18446744073709551611 bytes (-5 if signed): too many
#include <stdlib.h>

static char *copy(int length)
{
    return malloc(length); // <- called in copy
}

int main(void)
{
    return copy(-5) != NULL;
}

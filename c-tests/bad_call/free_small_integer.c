// A number is freed.
// expect: bad-free
// expect-place: never allocated*
#include <stdlib.h>

int main(void)
{
    free((void *)16); // <- called in main
    return 0;
}

// A global variable is freed.
// expect: bad-free
// expect-place: in a global/static object of *free_global
#include <stdlib.h>

char buffer[64] = "initialised";

int main(void)
{
    free(buffer + 16); // <- called in main
    return 0;
}

// malloc_usable_size is asked of a global variable.
// expect: bad-malloc_usable_size
// expect-call: malloc_usable_size
// expect-place: in a global/static object of *
#include <malloc.h>

static char global[64];

int main(void)
{
    return malloc_usable_size(global) != 0; // <- called in main
}

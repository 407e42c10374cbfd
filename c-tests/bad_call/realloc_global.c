// realloc of a global variable.
// expect: bad-free
// expect-call: realloc
// expect-place: in a global/static object of *
#include <stdlib.h>

static char global[64];

int main(void)
{
    return realloc(global, 100) != NULL; // <- called in main
}

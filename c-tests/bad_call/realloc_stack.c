// A local variable is given to realloc.
// expect: bad-free
// expect-call: realloc
// expect-place: on the stack of thread T0
#include <stdlib.h>

int main(void)
{
    char local[64];
    char *p = realloc(local + 16, 128); // <- called in main
    return p != NULL;
}

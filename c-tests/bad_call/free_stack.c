// A local variable is freed.
// expect: bad-free
// expect-place: on the stack of thread T0
#include <stdlib.h>

int main(void)
{
    char local[64];
    free(local + 16); // <- called in main
    return 0;
}

// --error-exitcode replaces the signal of a bad call.
// options: --error-exitcode 99
// expect: double-free
// expect-place: located 0 bytes inside of 48-byte region
// expect-exit: 99
#include <stdlib.h>

int main(void)
{
    char *p = malloc(48); // <- allocated in main
    free(p); // <- freed in main
    free(p); // <- called in main
    return 0;
}

// --error-exitcode replaces the signal of an access.
// options: --error-exitcode 7
// expect: heap-use-after-free
// expect-access: READ of size 1
// expect-place: located 0 bytes inside of 48-byte region
// expect-exit: 7
#include <stdlib.h>

int main(void)
{
    char *p = malloc(48); // <- allocated in main
    free(p); // <- freed in main
    return *p; // <- access in main
}

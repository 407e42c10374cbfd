// Writes to a freed object whose pages wait to be revoked.
// expect: heap-use-after-free
// expect-found: by a later free here
// expect-place: located 8 bytes inside of 40-byte region
// options: --revoke=batch:4
#include <stdlib.h>

int main(void)
{
    long *volatile stale = malloc(5 * sizeof *stale); // <- allocated in main
    free(stale); // <- freed in main
    stale[1] = 1;
    for (int i = 0; i < 8; i++)
        free(malloc(16)); // <- called in main
    return 0;
}
